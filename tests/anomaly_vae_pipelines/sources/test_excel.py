"""Excel sheets as tables."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from anomaly_vae.errors import MissingExtraError
from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import AmbiguousError, SourceError, UnknownNameError
from anomaly_vae_pipelines.sources import excel
from anomaly_vae_pipelines.sources.opening import open_source

pytest.importorskip("python_calamine")

ROWS = [["Tag", "Menge", "Wort", "ok"], [45000.0, 1.5, "süß", True], [45001.5, "", "x & y", False]]
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml."


def cell_of(value) -> str:
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, float):
        return f'<c s="{int(value > 40000)}"><v>{value}</v></c>'  # large numbers are dates
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else "<c/>"


def write(path: Path, **sheets) -> str:
    """Write a small .xlsx file; numbers above 40,000 have the format of a date."""
    count = range(1, len(sheets) + 1)
    types = "".join(f'<Override PartName="/xl/s{n}.xml" ContentType="{_TYPES}worksheet+xml"/>' for n in count)
    names = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
    links = "".join(f'<Relationship Id="r{n}" Type="{_OFFICE}/worksheet" Target="s{n}.xml"/>' for n in count)
    styles = f'<Relationship Id="st" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}content-types"><Default Extension="rels" ContentType="application/'
            f'vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
            f'ContentType="{_TYPES}sheet.main+xml"/>{types}<Override PartName="/xl/styles.xml" '
            f'ContentType="{_TYPES}styles+xml"/></Types>',
        )
        start = f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        file.writestr(
            "_rels/.rels", f'<Relationships xmlns="{_PACKAGE}relationships">{start}</Relationships>'
        )
        book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>'
        file.writestr("xl/workbook.xml", book)
        relations = f'<Relationships xmlns="{_PACKAGE}relationships">{links}{styles}</Relationships>'
        file.writestr("xl/_rels/workbook.xml.rels", relations)
        file.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
            "</styleSheet>",
        )
        for number, rows in enumerate(sheets.values(), 1):
            lines = "".join(f"<row>{''.join(map(cell_of, row))}</row>" for row in rows)
            sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData></worksheet>'
            file.writestr(f"xl/s{number}.xml", sheet)
    return str(path)


def table_of(path: str, given: Given | None = None):
    with open_source(path, reading=Reading(given or Given())) as source:
        (block,) = source.blocks()
        return source.read(block, source.columns).rows.table.to_pydict()


def test_cells_keep_their_types(tmp_path):
    found = table_of(write(tmp_path / "a.xlsx", Daten=ROWS))
    assert [str(moment) for moment in found.pop("Tag")] == ["2023-03-15 00:00:00", "2023-03-16 12:00:00"]
    assert found == {"Menge": [1.5, None], "Wort": ["süß", "x & y"], "ok": [True, False]}


def test_the_only_sheet_with_cells_is_read(tmp_path):
    assert "Wort" in table_of(write(tmp_path / "a.xlsx", Leer=[], Daten=ROWS))


def test_several_sheets_are_asked_about(tmp_path):
    path = write(tmp_path / "a.xlsx", Eins=ROWS, Zwei=[["z", "w"], [1.0, 2.0]])
    with pytest.raises(AmbiguousError, match="has 2 sheets with cells; add --sheet 'Eins' or --sheet 'Zwei'"):
        table_of(path)
    assert table_of(path, Given(sheet="Zwei")) == table_of(path, Given(sheet="2")) == {"z": [1.0], "w": [2.0]}
    with pytest.raises(UnknownNameError, match="no sheet 'zwei'.*did you mean 'Zwei'"):
        table_of(path, Given(sheet="zwei"))


def test_titles_are_not_rows(tmp_path):
    rows = [["Umsatz 2025", "", "", ""], [""] * 4, *ROWS]
    assert list(table_of(write(tmp_path / "a.xlsx", Daten=rows))) == ROWS[0]


def test_columns_without_names_are_numbered(tmp_path):
    assert "column_4" in table_of(write(tmp_path / "a.xlsx", Daten=ROWS[1:]), Given(header=False))
    assert list(table_of(write(tmp_path / "a.xlsx", Daten=[["a", ""], [1.0, 2.0]]))) == ["a", "column_2"]


def test_mixed_cells_are_text(tmp_path):
    found = table_of(
        write(tmp_path / "a.xlsx", Daten=[["a", "b"], ["x", 1.0], [2.0, 2.5]]), Given(header=True)
    )
    assert found == {"a": ["x", "2"], "b": [1.0, 2.5]}


def test_what_is_not_a_sheet_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.xlsx").write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="cannot be read as an Excel file"):
        table_of(str(tmp_path / "a.xlsx"))
    with pytest.raises(SourceError, match="empty sheet"):
        table_of(write(tmp_path / "b.xlsx", Leer=[]))
    path = write(tmp_path / "c.xlsx", Daten=ROWS)
    monkeypatch.setattr(excel, "MAX_CELLS", 3)
    with pytest.raises(SourceError, match="has more than 3 cells"):
        table_of(path)
    monkeypatch.setattr(excel, "MAX_BYTES", 100)
    with pytest.raises(SourceError, match="unpacks to more than 100 bytes"):
        table_of(path)


def test_without_the_extra_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'anomaly-vae\[excel\]'"):
        table_of(write(tmp_path / "a.xlsx", Daten=ROWS))
