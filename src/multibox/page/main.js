// The page with the data of its server.

import { start } from "./page.js";
import { Server } from "./shared/server.js";
import { requestToken } from "./shared/token.js";

start(new Server(requestToken));
