"""XLSX files as spreadsheet programs write them, in the least that they need."""

import io
import zipfile
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
BOOK = f"""<?xml version="1.0" encoding="UTF-8"?>
<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>
<sheet name="People" sheetId="1" r:id="rId1"/></sheets></workbook>"""
RELATIONS = f"""<?xml version="1.0"?><Relationships xmlns="{PACKAGE}">
<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"""


def workbook(rows, *, sheet=None, shared=True):
    """A file of ``rows``, lists of texts and numbers; None leaves a cell out."""
    texts, lines = [], []
    for number, cells in enumerate(rows, start=1):
        found = []
        for letter, value in zip("ABCDEFGHIJKLMNOP", cells, strict=False):
            place = f'r="{letter}{number}"'
            if value is None:
                continue
            if isinstance(value, int | float):
                found.append(f"<c {place}><v>{value}</v></c>")
            elif shared:
                texts.append(value)
                found.append(f'<c {place} t="s"><v>{len(texts) - 1}</v></c>')
            else:
                found.append(f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>')
        lines.append(f'<row r="{number}">{"".join(found)}</row>')
    sheet = (
        sheet or f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
    )
    items = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", BOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        if texts:
            archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{items}</sst>')
    return file.getvalue()
