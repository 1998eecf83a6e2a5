/** The pages of operations, fetched together when either is first shown. */
export { OperationsPage } from "./list";
export { OperationPage } from "./page";
