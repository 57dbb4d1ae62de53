"""Records -> one HTML page that needs no network: words first, then charts with their data, then everything behind them."""
