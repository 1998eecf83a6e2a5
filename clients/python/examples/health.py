"""Whether all processes are well, watched. Ends with 1 when one is not.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/health.py
"""

import asyncio
import sys

from fullon_cache_api import fullon_cache_api


async def main() -> None:
    async with fullon_cache_api() as handler:
        health = await handler.get_system_health()
        print(f"{health['total_processes']} processes: {health['by_type']}")

        left = 5
        async for health in handler.stream_process_health():
            if not health["healthy"]:
                ill = [*health["error_processes"], *health["stale_processes"]]
                sys.exit(f"Not well: {', '.join(ill)}")
            print("All are well:", health["by_status"])
            left -= 1
            if left == 0:
                break


asyncio.run(main())
