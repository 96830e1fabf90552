// Everything that the page does by itself. Without it the board is still there, as of when it was
// loaded.
import { follow } from "./live";
import { charts } from "./chart";
import { comforts } from "./comfort";

const board = document.getElementById("board");
comforts();
if (board) follow(board, charts());
