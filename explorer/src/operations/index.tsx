/** The pages of operations, fetched together when either is first shown. */
import "../styles/operations.css";

export { OperationsPage } from "./list";
export { OperationPage } from "./page";
