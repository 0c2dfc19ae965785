"""Lookalikes of files of the UCI repository, in their original form.

Each is built from a seed, with the kind of each column as a person reads it: n a number, t a text or a date.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_draw = random.Random(7)
_pick = _draw.choice
N_ROWS = 60

Cell = Callable[[int], str]


@dataclass(frozen=True)
class File:
    """A file: its text, the kinds of its columns, and the one option that it needs."""

    name: str
    text: str
    kinds: str
    option: str = ""
    n_rows: int = N_ROWS


def whole(low: int, high: int, form: str = "d") -> Cell:
    return lambda _: format(_draw.randint(low, high), form)


def real(low: float, high: float, digits: int = 2, width: int = 0) -> Cell:
    return lambda _: format(_draw.uniform(low, high), f"{width or ''}.{digits}f")


def word(*words: str) -> Cell:
    return lambda _: _pick(words)


def some(cell: Cell, share: float = 0.1, missing: str = "?") -> Cell:
    """A cell that is sometimes missing."""
    return lambda i: missing if _draw.random() < share else cell(i)


def numbered(start: str, end: str = "") -> Cell:
    return lambda i: f"{start}{i}{end}"


def day(start: datetime.datetime, step: datetime.timedelta, form: Callable[[datetime.datetime], str]) -> Cell:
    return lambda i: form(start + i * step)


def rows(cells: Sequence[Cell], separator: str = ",", end: str = "\n", start: str = "") -> str:
    return "".join(start + separator.join(cell(i) for cell in cells) + end for i in range(N_ROWS))


def fixed(*cells: tuple[Cell, int]) -> str:
    """Columns of fixed width."""
    return "".join("".join(f"{cell(i):>{width}}" for cell, width in cells) + "\n" for i in range(N_ROWS))


_ADULT = [
    whole(17, 80), some(word("Private", "State-gov")), whole(20_000, 400_000), word("Bachelors", "HS-grad", "11th"),
    whole(3, 16), word("Never-married", "Divorced"), some(word("Adm-clerical", "Sales")), word("Husband", "Wife"),
    word("White", "Black"), word("Male", "Female"), word("0", "0", "2174"), whole(0, 9), whole(20, 60),
    some(word("United-States", "Cuba")),
]  # fmt: skip
_FLAG, _LETTERS = word("t", "f"), word("a", "b", "c", "d")
_MONTHS = datetime.datetime(2006, 12, 16, 17, 24)

FILES = [
    File("horse-colic.data", rows([whole(1, 2), whole(1, 2), whole(530_000, 539_999), some(real(37, 40, 1)), some(whole(40, 120)), *[some(whole(1, 4), 0.3)] * 15, word("1", "2"), whole(0, 9999), word("00000", "02208"), word("1", "2")], " ", " \n"), "n" * 22 + "tn"),
    File("german.data", rows([word("A11", "A12"), whole(4, 60), word("A30", "A34"), word("A40", "A410"), whole(500, 9000), word("A61", "A65"), whole(1, 4), word("1", "2")], " ", " \n"), "tnttntnn"),
    File("german.data-numeric", fixed((whole(1, 4), 4), (whole(4, 60), 4), *[(whole(0, 5), 4)] * 10, *[(whole(0, 1), 4)] * 12, (word("1 ", "2 "), 5)), "n" * 25),
    File("adult.data", rows([*_ADULT, word("<=50K", ">50K")], ", ") + "\n", "ntntnttttt" + "nnntt"),
    File("adult.test", "|1x3 Cross validator\n" + rows([*_ADULT, word("<=50K.", ">50K.")], ", ") + "\n", "ntntnttttt" + "nnntt"),
    File("oil-spill.csv", rows([lambda i: str(i + 1), whole(10, 2000), *[real(0, 2000)] * 4, whole(1, 100), *[real(0, 5)] * 40, word("0", "0", "1")]), "n" * 48),
    File("iris.data", rows([real(4, 8, 1), real(2, 4, 1), real(1, 7, 1), real(0, 3, 1), word("Iris-setosa", "Iris-virginica")]) + "\n", "nnnnt"),
    File("breast-cancer-wisconsin.data", rows([whole(10**6, 1_300_000), *[whole(1, 10)] * 5, some(whole(1, 10)), *[whole(1, 10)] * 3, word("2", "4")]), "n" * 11),
    File("wdbc.data", rows([whole(842_302, 10**7), word("M", "B"), *[real(0, 1000, 4)] * 30]), "nt" + "n" * 30),
    File("arrhythmia.data", rows([whole(1, 80), whole(0, 1), *[whole(0, 200)] * 8, *[some(whole(-180, 180), 0.2)] * 5, *[word("0", "1")] * 10, *[real(-3, 9, 1)] * 20, whole(1, 16)]), "n" * 46),
    File("hepatitis.data", rows([word("1", "2"), whole(7, 78), *[some(word("1", "2"))] * 11, some(real(0, 8)), some(whole(26, 295)), some(real(2, 6, 1)), some(whole(0, 100), 0.4), word("1", "2")]), "n" * 18),
    File("auto-mpg.data", rows([lambda i: f"{real(9, 46, 1)(i)}   {_pick('4568')}   {real(68, 455, 1)(i):<10} {some(real(46, 230, 1))(i):<10} {whole(1613, 5140)(i)}.      {real(8, 25, 1)(i)}   {whole(70, 82)(i)}  {_pick('123')}\t\"{_pick(['ford', 'amc'])} {_pick(['pinto', 'matador (sw)'])}\""]), "nnnnnnnnt"),
    File("yeast.data", rows([numbered("ADT", "_YEAST"), *[real(0, 1)] * 4, word("0.50"), word("0.00", "0.83"), word("MIT", "CYT")], "  "), "tnnnnnnt"),
    File("ecoli.data", rows([numbered("AAT", "_ECOLI "), *[real(0, 1)] * 2, word("0.48"), word("0.50"), *[real(0, 1)] * 3, word("  cp", "  im")], "  "), "tnnnnnnnt"),
    File("glass.data", rows([lambda i: str(i + 1), real(1.51, 1.53, 5), *[real(0, 15)] * 8, word("1", "2", "7")]), "n" * 11),
    File("abalone.data", rows([word("M", "F", "I"), *[real(0, 1, 3)] * 3, *[real(0, 2, 4)] * 4, whole(1, 29)]), "t" + "n" * 8),
    File("agaricus-lepiota.data", rows([word("p", "e"), *[_LETTERS] * 10, some(_LETTERS, 0.3), *[_LETTERS] * 11]), "t" * 23),
    File("house-votes-84.data", rows([word("republican", "democrat"), *[some(word("y", "n"))] * 16]), "t" * 17),
    File("crx.data", rows([some(word("a", "b")), some(real(15, 70)), real(0, 20, 3), word("u", "y"), word("g", "p"), word("w", "aa"), word("v", "h"), real(0, 9), _FLAG, _FLAG, whole(0, 20, "02d"), _FLAG, word("g", "s"), some(whole(0, 900, "05d")), whole(0, 5000), word("+", "-")]), "tnnttttnttnttt" + "nt"),
    File("imports-85.data", rows([whole(-2, 3), some(whole(65, 250), 0.3), word("audi", "bmw"), word("gas", "diesel"), some(word("two", "four")), word("front"), real(86, 120, 1), whole(1500, 4000), word("ohc", "dohc"), some(real(2, 4)), some(whole(5000, 45_000))]), "nnttttnntnn"),
    File("winequality-red.csv", '"fixed acidity";"citric acid";"residual sugar";"pH";"quality"\n' + rows([real(5, 12, 1), real(0, 1), real(1, 8, 1), real(2, 4), whole(3, 8)], ";"), "nnnnn"),
    File("bank-full.csv", '"age";"job";"default";"balance";"day";"month";"y"\n' + rows([whole(18, 80), word('"technician"', '"blue-collar"'), word('"no"', '"yes"'), whole(-500, 5000), whole(1, 31), word('"may"', '"jun"'), word('"yes"', '"no"')], ";"), "nttnntt"),
    File("covtype.data", rows([whole(1800, 3800), whole(0, 360), *[whole(0, 7000)] * 8, *[word("0", "1")] * 44, whole(1, 7)]), "n" * 55),
    File("shuttle.trn", rows([*[whole(-30, 120)] * 9, word("1", "4")], " "), "n" * 10),
    File("sonar.all-data", rows([*[real(0, 1, 4)] * 60, word("R", "M")]), "n" * 60 + "t"),
    File("ionosphere.data", rows([word("0", "1"), word("0"), *[real(-1, 1, 5)] * 32, word("g", "b")]), "n" * 34 + "t"),
    File("ann-train.data", rows([real(0, 1), *[word("0", "1")] * 15, real(0, 1, 5), *[real(0, 1, 3)] * 4, word("1", "2", "3")], " ", "  \n"), "n" * 22),
    File("allhypo.data", rows([whole(10, 90), word("M", "F"), *[_FLAG] * 14, some(real(0, 10)), _FLAG, some(real(1, 4, 1)), word("f"), word("?"), word("SVHC", "other"), lambda i: f"{_pick(['negative', 'compensated hypothyroid'])}.|{3 * i + 1}"]), "n" + "t" * 15 + "ntntntt"),
    File("secom.data", rows([*[some(real(2000, 3500), 0.05, "NaN")] * 30, word("100.0000"), word("0"), some(real(0, 1, 4), 0.9, "NaN")], " "), "n" * 33),
    File("secom_labels.data", rows([word("-1", "1"), lambda i: f'"{1 + i % 28:02d}/07/2008 {i % 24:02d}:55:00"'], " "), "nt"),
    File("kddcup.data", rows([word("0"), word("tcp", "udp"), word("http", "smtp"), word("SF", "S0"), *[whole(0, 500)] * 20, *[real(0, 1)] * 15, word("normal.", "smurf.")]), "nttt" + "n" * 35 + "t"),
    File("page-blocks.data", fixed((whole(1, 99), 5), (whole(4, 99), 5), (whole(40, 9999), 7), (real(0, 99, 3), 8), (real(0, 1, 3), 6), (real(1, 20), 7), (whole(10, 999), 7), (word("1", "5"), 3)), "n" * 8),
    File("parkinsons.data", "name,MDVP:Fo(Hz),MDVP:Jitter(%),MDVP:Jitter(Abs),status\n" + rows([numbered("phon_R01_S"), real(88, 260, 5), real(0, 0.03, 5), word("7e-05", "0.00003"), word("0", "1")]), "tnnnn"),
    File("household_power_consumption.txt", "Date;Time;Global_active_power;Voltage;Sub_metering_3\n" + rows([day(_MONTHS, datetime.timedelta(hours=9), lambda t: f"{t.day}/{t.month}/{t.year};{t:%H:%M:%S}"), some(lambda i: ";".join([real(0, 7, 3)(i), real(230, 250, 3)(i), whole(0, 40)(i) + ".000"]), 0.1, "?;?;")], ";"), "tnnnn"),
    File("AirQualityUCI.csv", "Date;Time;CO(GT);PT08.S1(CO);T;;\n" + rows([day(_MONTHS, datetime.timedelta(hours=5), lambda t: f"{t:%d/%m/%Y;%H.%M.%S}"), lambda i: "-200" if i % 7 == 3 else real(1, 6, 1)(i).replace(".", ","), whole(800, 1700), lambda i: real(1, 30, 1)(i).replace(".", ",")], ";", ";;\n") + ";;;;;;\n" * 20, "tnnnnnn", "--na=-200"),
    File("communities.data", rows([whole(1, 56), some(whole(1, 300), 0.5), numbered("Lakewood"), whole(1, 10), *[real(0, 1)] * 10, some(real(0, 1), 0.8), real(0, 1)]), "nntn" + "n" * 12),
    File("dermatology.data", rows([*[whole(0, 3)] * 33, some(whole(10, 70)), whole(1, 6)]), "n" * 35),
    File("anneal.data", rows([word("?"), word("C", "?"), word("A"), word("00", "08"), some(word("S")), word("?"), some(word("E", "G")), real(0, 4, 3), lambda i: f"{real(600, 1500, 1)(i):0>6}", word("?", "N"), word("3", "2", "U")]), "nttnt" + "ntnntt"),
    File("letter-recognition.data", rows([word(*"ABCDEFGH"), *[whole(0, 15)] * 16]), "t" + "n" * 16),
    File("eighthr.data", rows([day(datetime.datetime(1998, 1, 1), datetime.timedelta(days=1), lambda t: f"{t.month}/{t.day}/{t.year}"), *[some(real(-10, 35, 1))] * 20, some(whole(-100, 1600)), word("0.", "1.")]), "t" + "n" * 22),
    File("PRSA_data_2010.csv", "No,year,month,hour,pm2.5,TEMP,cbwd,Iws\n" + rows([lambda i: str(i + 1), word("2010", "2011"), whole(1, 12), whole(0, 23), some(whole(5, 400), 0.1, "NA"), whole(-15, 35), word("NW", "cv"), real(0, 100)]), "nnnnnntn"),
    File("credit-defaults.csv", ",X1,X2,Y\nID,LIMIT_BAL,SEX,default payment next month\n" + rows([lambda i: str(i + 1), whole(10_000, 500_000), word("1", "2"), word("0", "1")]), "nnnn"),
    File("pendigits.tra", rows([*[whole(0, 100, "3d")] * 16, whole(0, 9, "2d")]), "n" * 17),
    File("X_train.txt", rows([lambda i: f"{_draw.uniform(-1, 1):>16.7e}"] * 12, ""), "n" * 12),
]  # fmt: skip
