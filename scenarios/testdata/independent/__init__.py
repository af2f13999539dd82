"""The parts of the second, independent settlement: see independent_settlement.py."""
