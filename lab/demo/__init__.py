"""The operator at work, shown on a terminal: `./taskw demo`, or `python -m lab.demo`.

Every command that is shown is run as it stands, and what it was to bring about is verified. What the demo starts or
makes is gone at its end, however it ends.
"""
