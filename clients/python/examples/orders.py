"""An order, how many there are, then every change of any.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/orders.py
"""

import asyncio

from fullon_cache_api import fullon_cache_api


async def main() -> None:
    async with fullon_cache_api() as handler:
        print(f"{await handler.get_queue_length('binance')} orders on binance, open are:")
        for order in await handler.get_orders("binance", status="open"):
            print(f"  {order['order_id']}: {order.get('side')} {order['symbol']}")

        # Without an exchange the order is looked for on all of them.
        order = await handler.get_order_status("EX_BIN_000001")
        print(f"{order['order_id']} on {order['exchange']} is {order['status']}")

        left = 5
        async for update in handler.stream_orders("binance", snapshot=False):
            if update.get("removed"):
                print(f"{update['order_id']} is gone")
            else:
                filled = f"{update.get('filled')} of {update.get('volume')}"
                print(f"{update['order_id']} is {update['status']}, {filled} filled")
            left -= 1
            if left == 0:
                break


asyncio.run(main())
