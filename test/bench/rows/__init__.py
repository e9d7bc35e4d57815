"""The rows of the benchmark: each measures one line of the table of goals.

A row has a TITLE and measure(place), which returns Figures.
"""
