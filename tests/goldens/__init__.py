"""Numbers computed with the original code, and the one place where results are compared with them.

`files` says what a file holds, `networks`, `losses` and `floor` compute it anew, `kinds` which of them goes with which
file. Tests take cases from here, and `python -m tests.golden_table` shows all of them in a table.
"""
