"""Files as people have them, with what a person reads in them: columns, and the cells of the first rows.

A cell is a number, a text, a date in ISO 8601, or None if it is missing. ``asks`` is part of the question about a
file that can be read in two ways; ``given`` answers it, and the cells are those of that answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anomaly_vae_pipelines.dialects.dialect import Given

Cells = dict[str, list[Any]]


@dataclass(frozen=True)
class Case:
    """One file: its bytes, the separator and encoding that a person sees, and the first cells of each column."""

    name: str
    content: bytes
    cells: Cells
    separator: str = ","
    encoding: str = "utf-8"
    header: bool = True
    asks: str = ""
    given: Given = field(default_factory=Given)
    suffix: str = ".csv"


def case(
    name: str, text: str | bytes, cells: Cells, separator: str = ",", encoding: str = "utf-8", **rest: Any
) -> Case:
    content = text if isinstance(text, bytes) else text.encode(encoding)
    return Case(name, content, cells, separator, encoding.removesuffix("-sig"), **rest)


def lines(*rows: str, end: str = "\n") -> str:
    return end.join(rows) + end


def _numbers(n: int, separator: str = ",", decimal: str = ".") -> list[str]:
    """Rows of three numbers, the second with decimals."""
    return [
        separator.join([str(i), f"{i * 1.37 + 0.5:.2f}".replace(".", decimal), str(i * i)]) for i in range(n)
    ]


GERMAN = [
    case("German: semicolons and decimal commas", lines("a;b", "1,5;x", "2,25;y", "3;x"), {"a": [1.5, 2.25, 3.0], "b": ["x", "y", "x"]}, ";"),
    case("German: thousands and euros", lines("Kunde;Umsatz", "A;1.234,50 €", "B;12,00 €", "A;-1.000.000,00 €"), {"Kunde": ["A", "B"], "Umsatz": [1234.5, 12.0, -1e6]}, ";"),
    case("German: Excel in cp1252", lines("Straße;Größe", "Köln;1,80", "Bärenweg;1,75", "Köln;2,00", end="\r\n"), {"Straße": ["Köln", "Bärenweg"], "Größe": [1.8, 1.75]}, ";", "cp1252"),
    case("German: Excel with a BOM and sep=;", lines("sep=;", "Ort;Wert", "Köln;1,5", "Bonn;2,5", end="\r\n"), {"Ort": ["Köln", "Bonn"], "Wert": [1.5, 2.5]}, ";", "utf-8-sig"),
    case("German: dates with points", lines("Datum;Menge", "24.12.2025;1", "01.02.2025;3", "31.01.2026;2"), {"Datum": ["2025-12-24", "2025-02-01"], "Menge": [1, 3]}, ";"),
    case("German: dates with times", lines("Zeit;T", "24.12.2025 08:05;1,5", "1.2.2025 18:30:10;3,0", "2.2.2025 00:00;1,0"), {"Zeit": ["2025-12-24T08:05:00", "2025-02-01T18:30:10"], "T": [1.5, 3.0]}, ";"),
    case("German: days only up to 12 but points", lines("Datum;n", "01.02.2025;1", "02.03.2025;2"), {"Datum": ["2025-02-01", "2025-03-02"]}, ";"),
    case("German: percent", lines("Quote;n", "12,5 %;1", "3,0 %;2", "100,0 %;4"), {"Quote": [12.5, 3.0]}, ";"),
    case("German: tabs", lines("a\tb", "1,5\tx", "2,5\ty"), {"a": [1.5, 2.5], "b": ["x", "y"]}, "\t"),
    case("German: quoted decimals between commas", lines("a,b", '"1,5",x', '"2,25",y', '"10,75",x'), {"a": [1.5, 2.25], "b": ["x", "y"]}),
    case("German: bank export with title lines", lines("Kontoauszug vom 24.12.2025", "Konto 12345", "", "Buchung;Betrag;Zweck", "24.12.2025;-12,50;Miete", "25.12.2025;1.200,00;Lohn"), {"Buchung": ["2025-12-24", "2025-12-25"], "Betrag": [-12.5, 1200.0], "Zweck": ["Miete", "Lohn"]}, ";"),
    case("German: title padded with separators", lines("Umsatz 2025;;", ";;", "Kunde;Ort;Umsatz", "A;Bonn;1,5", "B;Köln;2,5", "C;Aachen;3,5"), {"Kunde": ["A", "B"], "Ort": ["Bonn", "Köln"], "Umsatz": [1.5, 2.5]}, ";"),
    case("German: trailing separators", lines("a;b;", "1,5;x;", "2,5;y;"), {"a": [1.5, 2.5], "b": ["x", "y"], "column_3": [None, None]}, ";"),
    case("German: postcodes are codes", lines("PLZ;n", "01067;1,5", "50667;2,5", "80331;3,5"), {"PLZ": ["01067", "50667"], "n": [1.5, 2.5]}, ";"),
    case("German: versions between decimal commas", lines("ver;x", "1.2;1,5", "1.3;2,5", "1.2;3,5"), {"ver": ["1.2", "1.3"], "x": [1.5, 2.5]}, ";"),
    case("German: a minus at the end", lines("Betrag;n", "12,50-;1", "3,00;2", "1.000,00-;3"), {"Betrag": [-12.5, 3.0, -1000.0]}, ";"),
    case("German: months as words", lines("Tag;n", "3. März 2025;1", "24. Dezember 2024;2"), {"Tag": ["2025-03-03", "2024-12-24"]}, ";"),
    case("German: #NV and #WERT! of Excel", lines("a;b", "1,5;#NV", "#WERT!;2,5", "3,5;4,5"), {"a": [1.5, None], "b": [None, 2.5]}, ";"),
    case("German: k.A. in text and numbers", lines("a;b", "1,5;k.A.", "k.A.;rot", "3,5;blau"), {"a": [1.5, None], "b": [None, "rot"]}, ";"),
    case("German: only whole thousands", lines("Ort;Einwohner", "A;1.234", "B;12.345", "C;1.234.567"), {"Einwohner": [1234.0, 12345.0]}, ";"),
]  # fmt: skip

FRENCH_SWISS = [
    case("French: narrow spaces of thousands", lines("Ville;Prix", "Paris;1\u202f234,56", "Lyon;12,00", "Nice;1\u202f000\u202f000,5"), {"Ville": ["Paris", "Lyon"], "Prix": [1234.56, 12.0, 1000000.5]}, ";"),
    case("French: plain spaces of thousands", lines("Ville;Prix", "Paris;1 234,56", "Lyon;12,00"), {"Prix": [1234.56, 12.0]}, ";"),
    case("French: no-break spaces and euros in cp1252", lines("Société;Prix", "Été;1\u00a0234,56 €", "Noël;12,00 €", "Été;7,00 €"), {"Société": ["Été", "Noël"], "Prix": [1234.56, 12.0]}, ";", "cp1252"),
    case("French: dates with slashes", lines("Date;n", "31/12/2025;1", "01/02/2025;2"), {"Date": ["2025-12-31", "2025-02-01"]}, ";"),
    case("Swiss: apostrophes of thousands", lines("Ort;Preis", "Zürich;1'234.50", "Bern;12.00"), {"Preis": [1234.5, 12.0]}, ";"),
    case("Swiss: francs", lines("Ort,Preis", "Zürich,CHF 1'234.50", "Bern,CHF 12.00"), {"Preis": [1234.5, 12.0]}),
    case("Swiss: typographic apostrophes", lines("Ort;Preis", "Zürich;1’234.50", "Bern;12.00"), {"Preis": [1234.5, 12.0]}, ";"),
    case("Spanish: semicolons, points of thousands", lines("Año;Importe", "2024;1.234,5", "2025;2.000,25"), {"Año": [2024, 2025], "Importe": [1234.5, 2000.25]}, ";", "cp1252"),
    case("Italian: euros in front", lines("Città;Costo", "Roma;€ 1.234,50", "Milano;€ 12,00"), {"Costo": [1234.5, 12.0]}, ";"),
    case("Swedish: kronor", lines("Ort;Pris", "Malmö;1 234,50 kr", "Umeå;12,00 kr"), {"Pris": [1234.5, 12.0]}, ";"),
]  # fmt: skip

US = [
    case("US: plain", lines("a,b", "1.5,x", "2.25,y"), {"a": [1.5, 2.25], "b": ["x", "y"]}),
    case("US: quoted thousands", lines("name,pay", 'A,"3,380.34"', 'B,"12,000.00"', "C,15.50"), {"pay": [3380.34, 12000.0, 15.5]}),
    case("US: dollars", lines("name,pay", 'A,"$3,380.34"', "B,$12.00"), {"pay": [3380.34, 12.0]}),
    case("US: euros without thousands", lines("name,pay", "A,€3380.34", "B,€12.00"), {"pay": [3380.34, 12.0]}),
    case("US: losses in brackets", lines("name,net", 'A,"(1,234.50)"', "B,12.00", "C,(3.00)"), {"net": [-1234.5, 12.0, -3.0]}),
    case("US: percent", lines("name,share", "A,45%", "B,3.5%"), {"share": [45.0, 3.5]}),
    case("US: months first", lines("day,n", "12/24/2025,1", "02/01/2025,2"), {"day": ["2025-12-24", "2025-02-01"]}),
    case("US: months first, two digits, half days", lines("day,n", "12/24/25 1:05 PM,1", "2/1/25 12:10 AM,2"), {"day": ["2025-12-24T13:05:00", "2025-02-01T00:10:00"]}),
    case("US: months as words", lines("day,n", '"Dec 24, 2025",1', '"Feb 1, 2025",2'), {"day": ["2025-12-24", "2025-02-01"]}),
    case("day-Mon-year", lines("day,n", "24-Dec-2025,1", "01-Feb-2025,2"), {"day": ["2025-12-24", "2025-02-01"]}),
    case("ISO dates", lines("day,n", "2025-12-24,1", "2025-02-01,2"), {"day": ["2025-12-24", "2025-02-01"]}),
    case("dates with slashes, year first", lines("day,n", "2025/12/24,1", "2025/02/01,2"), {"day": ["2025-12-24", "2025-02-01"]}),
    case("pipes", lines("a|b|c", "1|2.5|x", "2|3.5|y, z"), {"a": [1, 2], "b": [2.5, 3.5], "c": ["x", "y, z"]}, "|"),
    case("tabs with commas in text", lines("a\tb", "1\tx, y", "2\tz, w"), {"a": [1, 2], "b": ["x, y", "z, w"]}, "\t"),
    case("quoted separators", lines("a,b", '"x, y",1', '"z, w",2'), {"a": ["x, y", "z, w"], "b": [1, 2]}),
    case("quoted line breaks", lines("a,b", '"x\ny",1', '"z",2'), {"a": ["x\ny", "z"], "b": [1, 2]}),
    case("quoted line breaks in the header", lines('"a\n(kg)",b', "1,2", "3,4"), {"a\n(kg)": [1, 3], "b": [2, 4]}),
    case("doubled quotes", lines("a,b", '"5"" pipe",1', '"6"" pipe",2'), {"a": ['5" pipe', '6" pipe'], "b": [1, 2]}),
    case("all quoted", lines('"a","b"', '"1.5","x"', '"2.5","y"'), {"a": [1.5, 2.5], "b": ["x", "y"]}),
    case("spaces after commas", lines("a, b, c", "1.5, x, 2", "2.5, y, 3"), {"a": [1.5, 2.5], "b": ["x", "y"], "c": [2, 3]}),
    case("spaces before quotes", lines('a, "b, c"', '1.5, "x, y"', '2.5, "z"'), {"a": [1.5, 2.5], "b, c": ["x, y", "z"]}),
    case("UTF-16 with a BOM and tabs", "Größe\tb\r\n1,5\tx\r\n2,5\ty\r\n".encode("utf-16"), {"Größe": [1.5, 2.5], "b": ["x", "y"]}, "\t", "utf-16-le"),
    case("UTF-16 big endian without a BOM", "name,b\n1.5,x\n2.5,y\n".encode("utf-16-be"), {"name": [1.5, 2.5], "b": ["x", "y"]}, ",", "utf-16-be"),
    case("UTF-8 with a BOM", lines("ä,b", "1,x", "2,y"), {"ä": [1, 2], "b": ["x", "y"]}, ",", "utf-8-sig"),
    case("old Mac line ends", lines("a,b", "1.5,x", "2.5,y", end="\r"), {"a": [1.5, 2.5], "b": ["x", "y"]}),
    case("no line end at the end", "a,b\n1.5,x\n2.5,y", {"a": [1.5, 2.5], "b": ["x", "y"]}),
    case("empty lines between", "a,b\n\n1.5,x\n\n2.5,y\n\n", {"a": [1.5, 2.5], "b": ["x", "y"]}),
    case("one column with a name", lines("value", "1.5", "2.5", "3.5"), {"value": [1.5, 2.5]}),
    case("one column of decimal commas with a name", lines("Wert", "1,5", "2,5", "3,75"), {"Wert": [1.5, 2.5]}),
    case("exponents", lines("a,b", "1e-5,1", "2.5E3,2"), {"a": [1e-5, 2500.0]}),
    case("a typographic minus", lines("a,b", "−1.5,1", "2.5,2"), {"a": [-1.5, 2.5]}),
    case("Indian rupees", lines("a,b", '"₹1,234.50",1', "₹12.00,2"), {"a": [1234.5, 12.0]}),
    case("long numbers of one width are numbers", lines("a,b", "12345,1", "23456,2", "34567,5"), {"a": [12345.0, 23456.0]}),
    case("names that are years", lines("country,2019,2020", "A,1.5,2", "B,2.5,3"), {"country": ["A", "B"], "2019": [1.5, 2.5], "2020": [2, 3]}),
    case("names that count", lines("0,1,2", "1.5,x,2", "2.5,y,3"), {"0": [1.5, 2.5], "1": ["x", "y"]}),
    case("row names without a name", lines(",a,b", "r1,1.5,2", "r2,2.5,3"), {"": ["r1", "r2"], "a": [1.5, 2.5]}),
    case("R: one name fewer than cells", lines("a,b", "r1,1.5,2", "r2,2.5,3"), {"": ["r1", "r2"], "a": [1.5, 2.5], "b": [2, 3]}),
]  # fmt: skip

MISSING_WORDS = [
    case("question marks", lines("a,b", "1.5,?", "?,x", "2.5,y"), {"a": [1.5, None], "b": [None, "x"]}),
    case("minus signs in numbers", lines("a,b", "1.5,1", "-,2", "2.5,3"), {"a": [1.5, None, 2.5]}),
    case("points in numbers", lines("a,b", "1.5,1", ".,2", "2.5,3"), {"a": [1.5, None, 2.5]}),
    case("plus and minus are classes", lines("a,b", "1.5,+", "2.5,-", "3.5,+"), {"b": ["+", "-", "+"]}),
    case("n/a and N/A", lines("a,b", "1.5,n/a", "N/A,x", "2.5,y"), {"a": [1.5, None], "b": [None, "x"]}),
    case("#N/A and #DIV/0! of Excel", lines("a,b", "1.5,#N/A", "#DIV/0!,x", "2.5,y"), {"a": [1.5, None], "b": [None, "x"]}),
    case("NULL", lines("a,b", "1.5,NULL", "NULL,x", "2.5,y"), {"a": [1.5, None], "b": [None, "x"]}),
    case("(null) of Oracle", lines("a,b", "1.5,(null)", "(null),x", "2.5,y"), {"a": [1.5, None], "b": [None, "x"]}),
    case("\\N of MySQL", lines("a\tb", "1.5\t\\N", "\\N\tx", "2.5\ty"), {"a": [1.5, None], "b": [None, "x"]}, "\t"),
    case("-- in dates", lines("d,n", "24.12.2025,1", "--,2", "25.12.2025,3"), {"d": ["2025-12-24", None, "2025-12-25"]}),
    case("-999 is asked about", lines("a,b", "1.5,1", "-999,2", "2.5,3", "-999,4", "0.5,5"), {"a": [1.5, None, 2.5]}, asks="--na=-999", given=Given(missing=("-999",))),
    case("-200 of air quality is asked about", lines("CO;T", "2,6;13", "-200;14", "2,2;11", "-200;12", "1,5;10"), {"CO": [2.6, None], "T": [13, 14]}, ";", asks="--na=-200", given=Given(missing=("-200",))),
    case("-999 may be a number", lines("a,b", "1.5,1", "-999,2", "2.5,3", "-999,4", "0.5,5"), {"a": [1.5, -999.0, 2.5]}, asks="--not-na=-999", given=Given(values=("-999",))),
    case("-99 among negatives is a number", lines("a,b", "-150,1", "-99,2", "120,3", "-99,4"), {"a": [-150, -99]}),
    case("NA may be Namibia", lines("code,n", "NA,1", "DE,2", "NA,3"), {"code": ["NA", "DE"]}, given=Given(values=("NA",))),
]  # fmt: skip

HEADERLESS = [
    case("numbers only", lines("1.5,2,3", "2.5,3,4", "3.5,4,7"), {"column_1": [1.5, 2.5], "column_3": [3, 4]}, header=False),
    case("UCI: adult", lines("39, State-gov, 77516, Bachelors, <=50K", "50, Self-emp, 83311, ?, <=50K", "38, ?, 215646, HS-grad, >50K"), {"column_1": [39, 50], "column_2": ["State-gov", "Self-emp", None], "column_4": ["Bachelors", None], "column_5": ["<=50K", "<=50K", ">50K"]}, header=False),
    case("UCI: adult's test file", lines("|1x3 Cross validator", "25, Private, 226802, <=50K.", "38, Private, 89814, <=50K.", "28, Local-gov, 336951, >50K."), {"column_1": [25, 38], "column_2": ["Private", "Private", "Local-gov"]}, header=False),
    case("UCI: horse colic", lines("2 1 530101 38.50 66 28 ? 2 5 ", "1 1 534817 39.2 88 20 ? ? 4 ", "2 1 530334 38.30 40 24 1 1 3 "), {"column_1": [2, 1], "column_4": [38.5, 39.2], "column_7": [None, None, 1]}, " ", header=False, suffix=".data"),
    case("UCI: German credit", lines("A11 6 A34 A43 1169 A65 1", "A12 48 A32 A43 5951 A61 2", "A14 12 A34 A46 2096 A61 1"), {"column_1": ["A11", "A12"], "column_2": [6, 48], "column_5": [1169, 5951]}, " ", header=False, suffix=".data"),
    case("UCI: auto-mpg", lines('18.0   8   307.0      130.0      3504.      12.0   70  1\t"chevrolet chevelle malibu"', '15.0   8   350.0      165.0      3693.      11.5   70  1\t"buick skylark 320"', '25.0   4   98.00      ?          2046.      19.0   71  1\t"ford pinto"'), {"column_1": [18.0, 15.0], "column_4": [130.0, 165.0, None], "column_9": ["chevrolet chevelle malibu", "buick skylark 320"]}, " ", header=False, suffix=".data"),
    case("UCI: mushroom", lines("p,x,s,n,t", "e,x,s,y,t", "e,b,s,w,t", "p,x,y,w,t", "e,x,s,g,f"), {"column_1": ["p", "e"], "column_5": ["t", "t"]}, header=False, suffix=".data"),
    case("UCI: crx", lines("b,30.83,0,u,g,w,v,1.25,t,t,01,f,g,00202,0,+", "a,58.67,4.46,u,g,q,h,3.04,t,t,06,f,g,00043,560,-", "a,?,0.5,u,g,q,h,1.5,t,f,0,f,g,00280,824,+"), {"column_1": ["b", "a"], "column_2": [30.83, 58.67, None], "column_16": ["+", "-", "+"]}, header=False, suffix=".data"),
    case("UCI: breast cancer", lines("1000025,5,1,1,1,2,1,3,1,1,2", "1002945,5,4,4,5,7,10,3,2,1,2", "1057013,8,4,5,1,2,?,7,3,1,4"), {"column_1": [1000025, 1002945], "column_7": [1, 10, None]}, header=False, suffix=".data"),
    case("UCI: yeast", lines("ADT1_YEAST  0.58  0.61  0.47  0.13  MIT", "ADT2_YEAST  0.43  0.67  0.48  0.27  MIT", "ADT3_YEAST  0.64  0.62  0.49  0.15  CYT"), {"column_1": ["ADT1_YEAST", "ADT2_YEAST"], "column_2": [0.58, 0.43], "column_6": ["MIT", "MIT", "CYT"]}, " ", header=False, suffix=".data"),
    case("UCI: housing", lines(" 0.00632  18.00   2.310  0  0.5380", " 0.02731   0.00   7.070  0  0.4690", " 0.02729   0.00   7.070  0  0.4690"), {"column_1": [0.00632, 0.02731], "column_2": [18.0, 0.0]}, " ", header=False, suffix=".data"),
    case("UCI: seeds, tabs", lines("15.26\t14.84\t0.871\t1", "14.88\t14.57\t0.8811\t1", "14.29\t14.09\t0.905\t2"), {"column_1": [15.26, 14.88]}, "\t", header=False, suffix=".txt"),
    case("UCI: wine quality", lines('"fixed acidity";"pH";"quality"', "7.4;3.51;5", "7.8;3.2;5", "11.2;3.16;6"), {"fixed acidity": [7.4, 7.8], "pH": [3.51, 3.2]}, ";"),
    case("UCI: bank marketing", lines('"age";"job";"balance"', '30;"unemployed";1787', '33;"services";4789', '35;"management";1350'), {"age": [30, 33], "job": ["unemployed", "services"]}, ";"),
    case("UCI: household power", lines("Date;Time;Power", "16/12/2006;17:24:00;0.418", "16/12/2006;17:25:00;5.360", "28/4/2007;00:21:00;?"), {"Date": ["2006-12-16", "2006-12-16", "2007-04-28"], "Time": [62640.0, 62700.0, 1260.0], "Power": [0.418, 5.36, None]}, ";", suffix=".txt"),
    case("UCI: car, all text", lines("vhigh,vhigh,2,2,small,low,unacc", "vhigh,vhigh,2,2,small,med,unacc", "high,low,4,4,big,high,acc"), {"column_1": ["vhigh", "vhigh", "high"], "column_3": [2, 2, 4]}, header=False, suffix=".data"),
    case("a header is said to be none", lines("a,b", "c,d", "e,f"), {"column_1": ["a", "c"], "column_2": ["b", "d"]}, header=False, given=Given(header=False)),
    case("names and values in one row are asked about", lines("x,2,3", "1.5,3,4", "2.5,4,5"), {"x": [1.5, 2.5], "2": [3, 4]}, asks="--header or --no-header", given=Given(header=True)),
]  # fmt: skip

LOGS = [
    case("comments above", lines("# station 7", "# 2025-12-24", "time,temp", "1,2.5", "2,3.5"), {"time": [1, 2], "temp": [2.5, 3.5]}),
    case("names in the last comment", lines("# made by a logger", "# time temp press", "1 2.5 1013", "2 3.5 1014", "3 3.6 1015"), {"time": [1, 2], "temp": [2.5, 3.5]}, " ", suffix=".txt"),
    case("comments between", lines("time,temp", "1,2.5", "# restarted", "2,3.5", "3,4.5"), {"time": [1, 2, 3], "temp": [2.5, 3.5, 4.5]}),
    case("a line of units", lines("time;temp;press", "[s];[°C];[hPa]", "1;2,5;1013", "2;3,5;1014", "3;4,5;1012"), {"time": [1, 2], "temp": [2.5, 3.5]}, ";"),
    case("a line of units with an empty one", lines("time,name,temp", "s,,C", "1,x,2.5", "2,y,3.5", "3,x,4.5"), {"time": [1, 2], "name": ["x", "y"], "temp": [2.5, 3.5]}),
    case("units behind numbers", lines("a,b", "12 kg,1", "13.5 kg,2", "9 kg,3"), {"a": [12.0, 13.5]}),
    case("degrees", lines("a,b", "12.5°C,1", "-3.5°C,2"), {"a": [12.5, -3.5]}),
    case("clock times", lines("a,b", "08:30,1", "17:05,2"), {"a": [30600.0, 61500.0]}),
    case("durations", lines("a,b", "1:02:03,1", "0:10:00.5,2"), {"a": [3723.0, 600.5]}),
    case("psql", lines(" id | name | x ", "----+------+-----", "  1 | a    | 1.5", "  2 | b    | 2.5"), {"id": [1, 2], "name": ["a", "b"], "x": [1.5, 2.5]}, "|"),
    case("aligned columns", lines("id   name    x", "1    anna    1.5", "2    bert    2.5", "3    carl    3.5"), {"id": [1, 2], "name": ["anna", "bert"], "x": [1.5, 2.5]}, " ", suffix=".txt"),
    case("a web log's times", lines("time,ms", "2025-12-24T08:05:00Z,12", "2025-12-24T08:05:01Z,15"), {"time": ["2025-12-24T08:05:00Z", "2025-12-24T08:05:01Z"]}),
    case("MySQL escapes", lines("a,b", r'1,"5\" pipe"', r'2,"x"'), {"a": [1, 2], "b": ['5" pipe', "x"]}),
    case("single quotes", lines("'a','b'", "'x, y','1'", "'z','2'"), {"a": ["x, y", "z"], "b": [1, 2]}),
]  # fmt: skip

CODES = [
    case("versions", lines("ver,n", "1.2,1", "1.3,2", "1.10,3"), {"ver": ["1.2", "1.3", "1.10"]}),
    case("versions by their order", lines("build_no,n", "1.9,1", "1.10,2", "2.0,3"), {"build_no": ["1.9", "1.10"]}),
    case("versions of three parts", lines("a,n", "1.2.3,1", "1.10.0,2"), {"a": ["1.2.3", "1.10.0"]}),
    case("IP addresses", lines("ip,n", "192.168.0.1,1", "10.0.0.7,2"), {"ip": ["192.168.0.1", "10.0.0.7"]}),
    case("UUIDs", lines("id,n", "550e8400-e29b-41d4-a716-446655440000,1", "550e8400-e29b-41d4-a716-446655440001,2"), {"id": ["550e8400-e29b-41d4-a716-446655440000"]}),
    case("paths", lines("path,n", "/var/log/a.log,1", "C:\\temp\\b.txt,2"), {"path": ["/var/log/a.log", "C:\\temp\\b.txt"]}),
    case("JSON", lines("data,n", '"{""a"": 1, ""b"": [1, 2]}",1', '"{""a"": 2}",2'), {"data": ['{"a": 1, "b": [1, 2]}', '{"a": 2}']}),
    case("leading zeros", lines("store,n", "007,1", "012,2", "113,3"), {"store": ["007", "012"]}),
    case("letters with numbers", lines("unit,n", "A12,1", "A13,2"), {"unit": ["A12", "A13"]}),
    case("a word with numbers", lines("store,n", "store 17,1", "store 18,2"), {"store": ["store 17", "store 18"]}),
    case("mixed currencies are text", lines("pay,n", "$12.00,1", "€13.00,2"), {"pay": ["$12.00", "€13.00"]}),
    case("mixed units are text", lines("mass,n", "12 kg,1", "500 g,2"), {"mass": ["12 kg", "500 g"]}),
    case("booleans", lines("ok,n", "true,1", "false,2"), {"ok": [True, False]}),
    case("yes and no", lines("ok,n", "yes,1", "no,2"), {"ok": ["yes", "no"]}),
    case("mail addresses", lines("mail,n", "a@b.de,1", "c@d.com,2"), {"mail": ["a@b.de", "c@d.com"]}),
    case("phone numbers", lines("phone,n", "+49 221 123456,1", "+49 30 98765,2"), {"phone": ["+49 221 123456", "+49 30 98765"]}),
    case("zero-padded times of day stay codes", lines("hhmm,n", "0830,1", "1705,2"), {"hhmm": ["0830", "1705"]}),
]  # fmt: skip

QUESTIONS = [
    case("1.234 is a decimal or a thousand", lines("a;b", "1.234;x", "2.345;y", "12.500;z"), {"a": [1234.0, 2345.0]}, ";", asks="--decimal", given=Given(thousands=".")),
    case("1,234 is a thousand or a decimal", lines("a;b", "1,234;x", "2,345;y"), {"a": [1.234, 2.345]}, ";", asks="--decimal", given=Given(decimal=",")),
    case("1.234 in a file that decides it", lines("a;b", "1.234;1,5", "2.345;2,5"), {"a": [1234.0, 2345.0], "b": [1.5, 2.5]}, ";"),
    case("1.234 beside decimal points", lines("a,b", "1.234,0.5", "2.345,1.75"), {"a": [1.234, 2.345]}),
    case("0.123 is a decimal", lines("a,b", "0.123,x", "1.234,y"), {"a": [0.123, 1.234]}),
    case("1,5 in one column", lines("1,5", "2,5", "3,7"), {"column_1": [1.5, 2.5]}, ";", header=False, asks="--decimal ,", given=Given(decimal=",")),
    case("1,5 in two columns", lines("1,5", "2,5", "3,7"), {"column_1": [1, 2], "column_2": [5, 5]}, header=False, asks="--sep ,", given=Given(separator=",")),
    case("the day or the month first", lines("d,n", "01/02/2025,1", "03/04/2025,2"), {"d": ["2025-02-01", "2025-04-03"]}, asks="--day-first", given=Given(day_first=True)),
    case("the month or the day first", lines("d,n", "01/02/2025,1", "03/04/2025,2"), {"d": ["2025-01-02", "2025-03-04"]}, asks="--month-first", given=Given(day_first=False)),
    case("Polish in cp1250", lines("miasto,n", "Łódź,1", "Kraków,2"), {"miasto": ["Łódź", "Kraków"]}, ",", "cp1250", asks="--encoding cp1250", given=Given(encoding="cp1250")),
    case("Russian in cp1251", lines("город,n", "Москва,1", "Казань,2"), {"город": ["Москва", "Казань"]}, ",", "cp1251", asks="--encoding cp1251", given=Given(encoding="cp1251")),
    case("German in cp850", lines("Ort,n", "Köln,1", "München,2"), {"Ort": ["Köln", "München"]}, ",", "cp850", asks="--encoding cp850", given=Given(encoding="cp850")),
]  # fmt: skip

ROW_NAMES = [
    case("pandas: an array with its index", lines(",0,1,2", "0,5.1,3.5,1.4", "1,4.9,3.0,1.4"), {"0": [5.1, 4.9], "2": [1.4, 1.4]}),
    case("R: a frame of texts with row names", lines('"","class","age"', '"1","1st class","adults"', '"2","2nd class","children"', *(f'"{i}","1st class","adults"' for i in range(3, 9))), {"class": ["1st class", "2nd class"], "age": ["adults", "children"]}),
    case("R: years as names", lines('"","1940","1945"', '"Food",22.2,44.5', '"Care",3.53,5.76'), {"1940": [22.2, 3.53], "1945": [44.5, 5.76]}),
    case("R: quoted numbers as names", lines('"","16.5","16.75"', '"71",0,4', '"70",1,5'), {"16.5": [0, 1], "16.75": [4, 5]}),
    case("a few rows of texts below an empty cell", lines(",class,age", "1,first,adults", "2,second,children"), {"class": ["first", "second"]}, asks="--header", given=Given(header=True)),
    case("numbers that grow as names, unquoted", lines(",16.5,16.75", "71,0,4", "70,1,5"), {"16.5": [0, 1]}, asks="--header", given=Given(header=True)),
    case("a missing cell in front, no names", lines(",6.5,2.75", "71,7,4", "70,1,5"), {"column_1": [None, 71, 70]}, header=False),
    case("quoted words above quoted words and numbers", lines('"Köln","10,5"', '"Bonn","2,75"', '"Köln","3,25"'), {"column_1": ["Köln", "Bonn"], "column_2": [10.5, 2.75]}, header=False),
    case("counts in a row of words", lines("deformed,yes,1,2,oval,no", "displaced,yes,1,2,oval,no", "arched,no,2,4,round,no"), {"column_3": [1, 1, 2], "column_6": ["no", "no"]}, header=False),
    case("other separators within cells at the end", lines(",rot", *["0.5,rot"] * 4, *["0.5,a;b"] * 3), {"column_1": [None, 0.5], "column_2": ["rot", "rot"]}, header=False),
]  # fmt: skip

ODD = [
    case("preamble of an instrument, in separators", lines("Instrument:,XR-200", "Serial:,12345", "Operator:,Smith", "", "Time (s),Voltage (V),Current (A)", "0.1,1.5,0.2", "0.2,1.6,0.3", "0.3,1.7,0.4"), {"Time (s)": [0.1, 0.2, 0.3], "Current (A)": [0.2, 0.3, 0.4]}),
    case("two lines of names", lines("X1,X2,Y", "LIMIT_BAL,SEX,default payment next month", "20000,2,1", "120000,2,0", "90000,1,0"), {"X1": [20000, 120000, 90000], "Y": [1, 0, 0]}),
    case("escaped quotes", lines("a,b", '"say \\"hi\\", ok",1', '"x",2'), {"a": ['say "hi", ok', "x"], "b": [1, 2]}),
    case("quotes within cells", lines("name,n", '5" pipe,1', 'O"Neil,3', '6" pipe,2'), {"name": ['5" pipe', 'O"Neil'], "n": [1, 3]}),
    case("trailing separators of rows only", lines("a,b", "1.5,x,", "2.5,y,", "3.5,z,"), {"a": [1.5, 2.5], "b": ["x", "y"], "column_3": [None, None]}),
    case("UTF-16 without a BOM, semicolons", lines("a;b", "1,5;x", "2,5;y").encode("utf-16-le"), {"a": [1.5, 2.5], "b": ["x", "y"]}, ";", "utf-16-le"),
    case("thin spaces of thousands", lines("a;b", "1\u2009234,50;x", "12,00;y"), {"a": [1234.5, 12.0]}, ";"),
    case("a dash as minus", lines("a;b", "–1,5;2", "2,5;3", "–3,5;4"), {"a": [-1.5, 2.5, -3.5]}, ";"),
    case("decimal marks of one column decide another", lines("a;b", "1.234;1.234,5", "2.345;2.345,5", "3.456;12,5"), {"a": [1234.0, 2345.0], "b": [1234.5, 2345.5]}, ";"),
    case("exponents with decimal commas", lines("a;b", "1,5E+03;x", "2,25E-02;y"), {"a": [1500.0, 0.0225]}, ";"),
    case("half days", lines("t,v", "1:05 PM,1", "12:30 AM,2", "11:59 am,3"), {"t": [47_100.0, 1_800.0, 43_140.0], "v": [1, 2]}),
    case("clock times with points", lines("Zeit;v", "18.00.00;1", "19.30.15;2"), {"Zeit": [64_800.0, 70_215.0]}, ";"),
    case("time zones", lines("t,v", "2024-01-02T03:04:05+02:00,1", "2024-01-02T03:04:05Z,2"), {"t": ["2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05Z"]}),
    case("epoch seconds, and voltages named v", lines("t,v", "1700000000,1.5", "1700000060,2.5"), {"t": [1_700_000_000, 1_700_000_060], "v": [1.5, 2.5]}),
    case("ids with more digits than floats keep", lines("id,n", "9007199254740993,1", "12345678901234567890,2"), {"id": ["9007199254740993", "12345678901234567890"]}),
    case("phone numbers", lines("phone,n", "+492211234501,1", "+492211234502,2"), {"phone": ["+492211234501", "+492211234502"]}),
    case("codes that look like exponents", lines("code,n", "1F,1", "1E5,2", "22,3"), {"code": ["1F", "1E5", "22"]}),
    case("lists and JSON", lines("l,j,n", '"[1, 2]","{""a"": 1}",1', '"[4]","{""a"": 2}",2'), {"l": ["[1, 2]", "[4]"], "j": ['{"a": 1}', '{"a": 2}']}),
    case("emoji and text from right to left", lines("e,n", "😀,1", "مرحبا,2"), {"e": ["😀", "مرحبا"]}),
    case("names that are years, of numbers", lines("1990,1991,1992", "1.5,2.5,3.5", "4.5,5.5,6.5"), {"1990": [1.5, 4.5]}),
    case("empty names", lines("a,,c,", "1,2,3,4", "5,6,7,8"), {"a": [1, 5], "column_2": [2, 6], "c": [3, 7], "column_4": [4, 8]}),
    case("a huge cell", lines("a,b", "x" * 200_000 + ",1", "y,2"), {"a": ["x" * 200_000, "y"], "b": [1, 2]}),
    case("a Markdown table", lines("| a | b |", "|---|---|", "| 1.5 | x |", "| 2.5 | y |"), {"a": [1.5, 2.5], "b": ["x", "y"]}, "|"),
    case("more errors of Excel", lines("a,b", "1.5,#REF!", "#NUM!,2", "3.5,3"), {"a": [1.5, None], "b": [None, 2]}),
    case("tildes are asked about", lines("a~b~c", "1~2.5~x", "2~3.5~y"), {"a": [1, 2], "b": [2.5, 3.5], "c": ["x", "y"]}, "~", asks="--sep '~'", given=Given(separator="~")),
    case("the separator of Hive is asked about", lines("a\x01b", "1\x01x", "2\x01y"), {"a": [1, 2], "b": ["x", "y"]}, "\x01", asks="--sep $'\\x01'", given=Given(separator="\x01")),
    case("comments between rows that have their width", lines("tag,n", "#a,1", "#b,2", "# c,3"), {"tag": ["#a", "#b", "# c"], "n": [1, 2, 3]}, asks="--comment none", given=Given(comment="")),
    case("rows that are commented out", lines("a,n", "1,2", "# 3,4", "5,6", "7,8"), {"a": [1, 5, 7]}, asks="--comment '#'", given=Given(comment="#")),
    case("comments of another width between rows", lines("a,n", "1,2", "# moved, twice, to Berlin", "5,6"), {"a": [1, 5], "n": [2, 6]}),
    case("decimals with three places between commas", lines("a,n", "1.234,2", "12.576,3", "9.926,4"), {"a": [1.234, 12.576, 9.926]}),
    case("half days above 12", lines("t,v", "13:05 PM,1", "12:30 AM,2", "11:59 am,3"), {"t": [47_100.0, 1_800.0, 43_140.0]}),
    case("two digits of a year may be in front", lines("d,n", "24-01-02,1", "24-02-13,2"), {"d": ["2002-01-24", "2013-02-24"]}, asks="--day-first", given=Given(day_first=True)),
]  # fmt: skip

REFUSED = {
    "repeated names": (lines("a,b", "1.5,2", "2.5,3", "a,b", "3.5,4"), "line 4: repeats the names"),
    "mixed encodings": (lines("ort,n", "Köln,1").encode() + lines("Köln,2", "Bonn,3").encode("cp1252"), "line 3: is not UTF-8, and other lines are"),
    "mixed encodings at the end of lines": (lines("n,ort", "1,José").encode() + lines("2,José", "3,x").encode("cp1252"), "line 3: is not UTF-8, and other lines are"),
    "duplicate names": (lines("a,b,a", "1,2,3", "4,5,6"), "line 1: 2 columns are named 'a'"),
    "a note at the end": (lines("a,b", "1.5,2", "2.5,3", "3.5,4", "", "Source: Federal Office"), "line 6: wanted 2 cells"),
    "ragged rows": (lines("a,b,c", "1,2,3", "4,5", "1,1,1", "2,2,2", "3,3,3"), "line 3: wanted 3 cells"),
    "NUL": (lines("a,b", "1,x\0y", "2,z"), "line 2: contains a NUL byte"),
    "years of two digits": (lines("d,n", "25/11/63,1", "26/12/63,2"), "'25/11/63' may be of 1963 or 2063.*--ignore 'd'"),
    "names only": (lines("a,b,c"), "at least 2 rows"),
}  # fmt: skip
"""Files that are not guessed at, with a part of the message."""

WARNED = {
    "dates in two forms": lines("d,n", "01.02.2024,1", "2024-02-03,2", "13.02.2024,3"),
    "dates of an unknown form": lines("d,n", "2024-01-02 03:04:05 UTC,1", "2024-01-03 03:05:05 UTC,2"),
    "currencies on both sides": lines("price,n", "€12.50,1", "13.50€,2", "7.00€,3"),
    "a date that does not exist": lines(
        "d,n", *(f"2026-01-{day:02},{day % 3}" for day in range(1, 30)), "2026-02-30,1"
    ),
    "a day that does not exist": lines(
        "d,n", *(f"{day:02}.01.2026,{day % 3}" for day in range(1, 30)), "30.02.2026,1"
    ),
    "a word among dates": lines("d,n", *(f"{day:02}.01.2026,{day % 3}" for day in range(1, 30)), "offen,1"),
    "a word among prices": lines("p,n", *(f"{day}.50 €,{day % 3}" for day in range(1, 30)), "gratis,1"),
    "numbers with and without a sign": lines("p,n", "12.5%,1", "0.125,2", "7.5%,3", "0.5,4"),
    "several units": lines("weight,n", "12 kg,1", "500 g,2", "3 kg,3"),
}
"""Files whose first column is read as text, which is said."""

CASES = [
    *GERMAN,
    *FRENCH_SWISS,
    *US,
    *MISSING_WORDS,
    *HEADERLESS,
    *LOGS,
    *CODES,
    *QUESTIONS,
    *ROW_NAMES,
    *ODD,
]
