"""The program that everything here is for, as users write it."""

from __future__ import annotations

import asyncio

from fullon_cache_api import fullon_cache_api


async def main(url: str | None = None) -> None:
    """Read everything once, and one update of every stream."""
    async with fullon_cache_api(url) as handler:
        ticker = await handler.get_ticker("binance", "BTC/USDT")
        print(f"Price: ${ticker['price']}")
        async for update in handler.stream_tickers("binance", ["BTC/USDT"]):
            print(f"Live: {update['price']}")
            break

        positions = await handler.get_positions(1001)
        balance = await handler.get_balance(1001, "BTC")
        print(f"Positions: {len(positions)}, BTC: {balance.get('total')}")
        async for position_update in handler.stream_positions(1001):
            print(f"Position: {position_update['symbol']} {position_update['volume']}")
            break

        order_status = await handler.get_order_status("order123")
        queue_size = await handler.get_queue_length("binance")
        print(f"Order: {order_status['status']}, queued: {queue_size + 0}")
        async for queue_update in handler.stream_order_queue("binance"):
            print(f"Queue: {queue_update['queue_length']}")
            break

        bot_status = await handler.get_bot_status("bot123")
        blocking_status = await handler.is_blocked("binance", "BTC/USDT")
        all_bots = await handler.get_bots()
        print(f"Bot: {bot_status['status']}, blocked by: {blocking_status}, bots: {len(all_bots)}")
        async for bot_update in handler.stream_bot_status():
            print(f"Bot {bot_update['bot_id']}: {bot_update['status']}")
            break

        trades = await handler.get_trades("BTC/USDT", "binance")
        trade_status = await handler.get_trade_status("trade_key_123")
        print(f"Trades: {len(trades)}, the last at {trade_status}")
        async for trade_update in handler.stream_trade_updates("binance"):
            print(f"Trade: {trade_update['volume']} at {trade_update['price']}")
            break

        bars = await handler.get_latest_ohlcv_bars("BTCUSD", "1h")
        print(f"Bars: {len(bars)}, the last closed at {bars[-1][4]}")
        async for bar in handler.stream_ohlcv("BTCUSD", "1h"):
            print(f"Bar: {bar['bar']}, closed: {bar['closed']}")
            break

        health = await handler.get_system_health()
        print(f"Healthy: {health['healthy']}")
        async for h in handler.stream_process_health():
            print(f"Healthy: {h['healthy']}")
            break
        await handler.ping()


if __name__ == "__main__":
    asyncio.run(main())
