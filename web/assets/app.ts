// Everything that the pages do by themselves. Without it they are still there, as of when they were
// loaded.
import { follow } from "./live";
import { charts } from "./chart";
import { comforts } from "./comfort";
import { Cursor, links } from "./focus";
import { grid, keys } from "./keys";
import { notes } from "./notes";
import { sources } from "./sources";
import { people } from "./people";
import { alarms } from "./alerts";
import { alertPages } from "./alertpages";
import { matches } from "./matches";
import { sends } from "./sends";
import { messages } from "./messages";
import { crises } from "./crises";

const main = document.querySelector<HTMLElement>("main[data-page]");
const cursor = new Cursor();
const alarm = alarms();
keys({ ...comforts(), ...alarm.keys });
alarm.arranged();
links();
people();
alertPages();
matches();
sends();
messages();
crises();
if (main) {
  const arrange = [sources(), grid(), notes(cursor), alarm.arranged];
  const arranged = () => arrange.forEach((after) => after());
  arranged();
  follow(main, charts(cursor), arranged);
}
