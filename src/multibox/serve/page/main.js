// The page of a server: its views show what the server answers.

import { start } from "./page.js";
import { Server } from "./shared/server.js";
import { requestToken } from "./shared/token.js";

start(new Server(requestToken));
