// The page of a server: all views, with the server's data.

import { DatasetView } from "../dataset/view.js";
import { AugmentationPart } from "../explain/augmentation/part.js";
import { DetectionPart } from "../explain/detection/part.js";
import { MapsPart } from "../explain/maps/part.js";
import { MatchingPart } from "../explain/matching/part.js";
import { ExplainView } from "../explain/view.js";
import { start } from "../page.js";
import { TryView } from "../try/view.js";
import { Server } from "./server.js";
import { requestToken } from "./token.js";

const server = new Server(requestToken);

start(server, (app) => ({
  try: new TryView(app),
  explain: new ExplainView(app, (context) => ({
    maps: new MapsPart(context),
    detection: new DetectionPart(context),
    matching: new MatchingPart(context, server),
    augmentation: new AugmentationPart(context, server),
  })),
  dataset: new DatasetView(app, server),
}));
