// The detections over their image.

/** @import { Detection } from "../shared/api.d.ts" */
/** @import { Caption } from "../shared/captions.js" */
/** @import { Stage } from "../shared/stage.js" */

import { boxShape } from "../shared/boxes.js";
import { captionShapes, detectionCaption } from "../shared/captions.js";
import { colorNumber, colorOf } from "../shared/palette.js";
import { titleOf } from "../shared/text.js";

/**
 * Draw detections, the highest score in front.
 *
 * @param {Detection[]} shown
 * @param {Detection | null} highlighted It stands out. The others fade and lose their captions.
 * @param {Stage} stage
 * @param {Caption[]} further Captions that come first.
 */
export function detectionShapes(shown, highlighted, { scale, size }, further = []) {
  const one = highlighted && shown.includes(highlighted) ? highlighted : null;
  /** @param {Detection} detection */
  const kind = (detection) =>
    (detection.carried ? "dashed " : "") + (one === null ? "" : detection === one ? "lit" : "dim");
  const boxes = shown.map((detection) =>
    boxShape(detection.box, {
      color: colorOf(colorNumber(detection)),
      title: titleOf(detection),
      kind: kind(detection),
    }),
  );
  const captioned = one === null ? shown : [one];
  return [...boxes.reverse(), ...captionShapes([...further, ...captioned.map(detectionCaption)], scale, size)];
}
