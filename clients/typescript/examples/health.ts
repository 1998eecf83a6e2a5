// Whether all processes are well, watched. Ends with 1 when one is not.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example health

import { Client } from "fullon-cache-api";

const client = new Client();
const { total_processes, by_type } = await client.getSystemHealth();
console.log(`${total_processes} processes:`, by_type);

let left = 5;
for await (const health of client.streamProcessHealth()) {
  if (health.removed) {
    continue; // any state may say so; this one does not
  }
  if (!health.healthy) {
    const ill = [...health.error_processes, ...health.stale_processes];
    console.error(`Not well: ${ill.join(", ")}`);
    process.exitCode = 1;
    break;
  }
  console.log("All are well:", health.by_status);
  if (--left === 0) {
    break;
  }
}
client.close();
