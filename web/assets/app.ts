// Everything that the pages do by themselves. Without it they are still there, as of when they were
// loaded.
import { follow } from "./live";
import { charts } from "./chart";
import { comforts } from "./comfort";
import { sources } from "./sources";

const main = document.querySelector<HTMLElement>("main[data-page]");
comforts();
if (main) follow(main, charts(), sources());
