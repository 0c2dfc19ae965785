"""Dates and clock times as people write them."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.dialects.numbers import texts_of
from anomaly_vae_pipelines.dialects.times import (
    ORDER_NAMES,
    ORDERS,
    ClockForm,
    DateForm,
    clock_seconds,
    is_clock,
    iso_dates,
    possible_orders,
    unsure_years,
)

WRITTEN = {"dmy": "%d.%m.%Y", "mdy": "%m/%d/%Y", "ymd": "%Y/%m/%d", "dby": "%d-%b-%Y", "bdy": "%b %d, %Y"}


@settings(deadline=None, max_examples=40)
@given(
    st.dates(datetime.date(1000, 1, 1)),
    st.times().map(lambda time: time.replace(microsecond=0)),
    st.sampled_from(ORDERS),
)
def test_dates_come_back_in_iso(date, time, order):
    moment = datetime.datetime.combine(date, time)
    text = moment.strftime(WRITTEN[order])
    for half, shown in (("", time.strftime("%H:%M:%S")), ("", ""), ("x", time.strftime("%I:%M:%S %p"))):
        texts = texts_of([f"{text} {shown}".strip()])
        assert order in possible_orders(texts), texts
        wanted = moment.isoformat() if shown or half else date.isoformat()
        assert iso_dates(texts, DateForm(order)).to_pylist() == [wanted]


def test_a_day_above_12_decides_the_order():
    assert possible_orders(texts_of(["01/02/2025", "13/02/2025"])) == ["dmy"]
    assert possible_orders(texts_of(["01/02/2025", "02/13/2025"])) == ["mdy"]
    assert possible_orders(texts_of(["01/02/2025"])) == ["dmy", "mdy"]
    assert possible_orders(texts_of(["01.02.2025"])) == ["dmy"]


@pytest.mark.parametrize("text", ["31.13.2025", "1.2.3", "192.168.0.1", "24-Foo-2025", "12.30", "2025"])
def test_what_is_not_a_date_has_no_order(text):
    assert possible_orders(texts_of([text])) == []


@pytest.mark.parametrize(
    "text", ["31.02.2026", "29.02.2023", "29.02.1900", "31.04.2026", "1.1.2026 24:00", "1.1.2026 9:60"]
)
def test_a_date_that_does_not_exist_is_not_one(text):
    """Nor with a time that does not exist; such a text stays as it is."""
    assert possible_orders(texts_of([text])) == []
    assert iso_dates(texts_of([text]), DateForm("dmy")).to_pylist() == [text]
    assert possible_orders(texts_of(["29.02.2024", "29.02.2000"])) == ["dmy"]


@pytest.mark.parametrize("text", ["28:05 pm", "99:00 am", "13:00 am", "100:00 pm", "1 day, 2:00 pm"])
def test_a_clock_time_that_does_not_exist_is_not_one(text):
    """12 hours have no others; 24 hours with PM are read as what they say."""
    assert not is_clock(texts_of([text]))
    assert clock_seconds(texts_of([text]))[1].all()
    assert clock_seconds(texts_of(["20:00 pm", "0:15 am"]))[0].tolist() == [72_000.0, 900.0]


def test_a_text_that_is_not_a_date_stays_as_it_is():
    """The model then rejects it by its own text."""
    assert iso_dates(texts_of(["x", "24.12.2025"]), DateForm("dmy")).to_pylist() == ["x", "2025-12-24"]


@pytest.mark.parametrize("year", range(100))
def test_a_year_of_two_digits_is_read_only_if_programs_agree_on_its_century(year):
    """Spreadsheets read 30 to 68 as of the last century, and POSIX as of this one."""
    texts, form = texts_of([f"02.03.{year:02d}"]), DateForm("dmy")
    is_unsure = 30 <= year <= 68
    wanted = texts[0].as_py() if is_unsure else f"{2000 + year if year < 30 else 1900 + year}-03-02"
    assert iso_dates(texts, form).to_pylist() == [wanted]
    assert unsure_years(texts, form).to_pylist() == [f"{year:02d}" if is_unsure else None]


def test_clock_times_are_seconds():
    seconds, wrong = clock_seconds(texts_of(["8:30", "1:02:03.5", "-0:10", "x", "2 days, 1:00"]))
    np.testing.assert_allclose(seconds, [30600, 3723.5, -600, np.nan, 176400])
    assert wrong.tolist() == [False, False, False, True, False]
    assert is_clock(texts_of(["8:30"]))
    assert not is_clock(texts_of(["8:30", "8.30"]))


def test_forms_name_themselves():
    assert DateForm("dmy").as_json() == {"form": "date", "order": "dmy"}
    assert ClockForm().as_json() == {"form": "clock"}
    assert set(ORDER_NAMES) == set(ORDERS)
