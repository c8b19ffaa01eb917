"""Figures from the seed up: the runs behind them, the pictures, the page and its regression."""
