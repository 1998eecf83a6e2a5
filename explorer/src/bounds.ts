/** How much the page keeps and shows at the most: whatever grows is bounded here. */

/** Items of one state that are kept; those that were told longest ago give way. */
export const MAX_ITEMS = 2000;
/** Entries of one log that are kept; the oldest give way. */
export const MAX_ENTRIES = 500;
/** Rows of one table that are shown; the rest is counted. */
export const MAX_ROWS = 100;
/** Columns of one table, those of the schema first. */
export const MAX_COLUMNS = 24;
/** Characters of one cell that are shown; the whole is in its title. */
export const MAX_CELL_CHARS = 80;
/** Characters of a cell's title. */
export const MAX_TITLE_CHARS = 2000;
/** Points of one line of a chart that are kept; when there are more, every other is forgotten. */
export const MAX_POINTS = 1000;
/** Rows of one stream that get a line. */
export const MAX_KEPT_LINES = 300;
/** After how many seconds without a point a line gives way to another, where there are too many. */
export const LINE_REST_S = 60;
/** Points of a line that are drawn; where there are more, each stretch shows its lowest and highest. */
export const MAX_DRAWN_POINTS = 800;
/** Points of the small line in a table's row. */
export const MAX_SPARK_POINTS = 48;
/** Lines of one chart. */
export const MAX_LINES = 8;
/** Bars of one chart; the oldest give way. */
export const MAX_BARS = 500;
/** Streams that are followed side by side on one page. */
export const MAX_STREAMS = 12;
/** Warnings of a result, and warnings and gaps of one stream, that are listed. */
export const MAX_NOTES = 20;
/** Trades in the market's list. */
export const MAX_TRADES = 60;
/** Seconds over which the rate of updates is counted. */
export const RATE_SECONDS = 5;
/** How often what changed is drawn, in times a second. */
export const MAX_DRAWS_PER_SECOND = 20;
/** How long a cell stays marked as changed, in milliseconds; it is not marked anew meanwhile. */
export const FLASH_MS = 600;
/** Exchanges that can be chosen, and whose orders are counted. */
export const MAX_EXCHANGES = 12;
/** How often it is asked which exchanges there are, in milliseconds. */
export const EXCHANGES_EVERY_MS = 15_000;
/** How soon it is asked again what the server can do, where that failed, in milliseconds. */
export const DESCRIBE_AGAIN_MS = 3000;
/** How often it is asked how the server serves a stream, in milliseconds. */
export const SERVED_EVERY_MS = 2000;
/** Members of one branch of a JSON tree that are shown before more are asked for. */
export const MAX_BRANCHES = 100;
/** Rows of a result that are shown before more are asked for. */
export const MAX_RESULT_ROWS = 200;
/** Characters of a raw result that are shown; all of it can be copied. */
export const MAX_RAW_CHARS = 200_000;
/** Characters of params that stand in the address; longer ones are left out. */
export const MAX_PARAMS_CHARS = 2000;
/** Items that a list has fields for; longer ones are edited as JSON. */
export const MAX_LIST_FIELDS = 50;
/** Forms that are kept while their pages are left. */
export const MAX_KEPT_FORMS = 50;
/** Messages of a stream that an operation's page shows; the newest come first. */
export const MAX_MESSAGES = 20;
