"""Charts as static SVG, and the numbers behind them."""
