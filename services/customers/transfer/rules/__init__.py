"""The rules of files: their encoding, their records, and what their cells mean. Plain values in, plain values out.

encodings.py  from the bytes of an upload to UTF-8, or to a page of single bytes
records.py    from bytes to the records of a CSV file, each with the position behind it
cells.py      cells that spreadsheets would take for formulas
mapping.py    from the cells of a row to the fields of a customer or a deal
presets.py    the columns of other systems
"""
