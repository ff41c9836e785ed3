// The interface between the views and the source of their data: server/server.js on the server's page, and
// local/detector.js on a page that detects in the browser.

/** Corners x0, y0, x1, y1 in pixels of an image. Names that end in `_rel` are relative to the network's input. */
export type Box = [number, number, number, number];

/** x and y. */
export type Point = [number, number];

export interface Api {
  model(): Promise<Model>;
  detect(file: File, score: number): Promise<DetectAnswer>;
  explainDetections(file: File, score: number): Promise<ExplainedImage>;
  cell(map: number, cell: CellPlace): Promise<Cell>;
  /** What follows objects through the frames of a video. Null if nothing can: it needs a server. */
  readonly tracking: Tracking | null;
}

export interface Tracking {
  /**
   * Detect the objects in the next frame of a session, and give each its id. A session begins with its first frame. The
   * next frame is sent when this one is answered. Without a score, the model's thresholds hold.
   */
  track(session: string, file: File, score?: number): Promise<DetectAnswer>;
  end(session: string): Promise<unknown>;
}

/** What also knows the training and its datasets. */
export interface TrainingApi extends Api {
  matching(subject: Subject, signal: AbortSignal): Promise<MatchedImage>;
  augmentation(subject: Subject, seed: number, signal: AbortSignal): Promise<AugmentedImage>;
  datasets(): Promise<Dataset[]>;
  datasetImages(query: DatasetQuery, signal: AbortSignal): Promise<DatasetPage>;
  datasetImage(source: Source, width?: number): Promise<Blob>;
}

/** An image of a dataset: the dataset's NAME/SPLIT and the image's id. */
export interface Source {
  data: string;
  id: string;
}

/** A labelled image to explain: one of a dataset, or a file with objects. */
export type Subject = { source: Source } | { file: File; objects: LabelledObject[] };

export interface LabelledObject {
  name: string;
  box: Box;
}

// The model

export interface Model {
  name: string;
  /** Absent while the network is opened. */
  runtime?: string;
  classes: string[];
  /** Height and width of the network's input. */
  size: [number, number];
  resize: string;
  activation: "softmax" | "sigmoid";
  /** The score from which detections are shown. */
  show: number;
  /** The score from which detections of a class are shown. */
  thresholds: Record<string, number>;
  nms_iou: number;
  /** Number of priors. */
  priors: number;
  maps: FeatureMap[];
  /** Where tracked objects are counted. Absent without a server. */
  places?: Place[];
}

/** A line that objects cross, or a polygon that they enter and leave. */
export interface Place {
  kind: "line" | "zone";
  name: string;
  points: Point[];
  /** Whether the points are parts of the image's width and height. Otherwise they are pixels. */
  in_parts: boolean;
}

/** Numbers of objects by place, kind ("in" and "out", or "inside", "entered" and "left") and class. */
export type Counts = Record<string, Record<string, Record<string, number>>>;

export interface FeatureMap {
  index: number;
  height: number;
  width: number;
  per_cell: number;
}

// Detection

export interface Detection {
  label: number;
  name: string;
  score: number;
  box: Box;
  /** The object's id, from 1. Only tracked objects have one. */
  id?: number;
  /** Whether the object was not detected in this frame, and its box is predicted. */
  carried?: boolean;
}

export interface DetectAnswer {
  results: { width: number; height: number; detections: Detection[]; note?: string; counts?: Counts }[];
  /** Milliseconds of each stage. `total` is that of a server. */
  timings_ms: { decode: number; queue: number; network: number; total?: number };
}

export interface ExplainedImage {
  /** Height and width of the network's input. */
  input: [number, number];
  /** The part of the image that the input shows. */
  window: Box;
  detections: ExplainedDetection[];
}

export interface ExplainedDetection extends Detection {
  prior: Prior;
  /** The logit of the background, then that of each class. */
  logits: number[];
  decode: Decoding;
  removed: Removed[];
}

export interface Prior extends CellPlace {
  index: number;
  /** Index of its feature map. */
  map: number;
  /** Index among the priors of its cell. */
  kind: number;
  ratio: number;
  /** Centre and size: cx, cy, w, h. */
  box_rel: Box;
}

export interface Decoding {
  /** Centre and size: cx, cy, w, h. */
  prior_cxcywh: Box;
  deltas: Box;
  variances: Box;
  steps: { text: string; value: number }[];
}

/** A box that non-maximum suppression removed. */
export interface Removed {
  box: Box;
  score: number;
  iou: number;
  /** Index of its prior. */
  prior: number;
}

// Cells

export interface CellPlace {
  row: number;
  column: number;
}

export interface Cell extends CellPlace {
  priors: CellPrior[];
}

export interface CellPrior {
  index: number;
  box_rel: Box;
  ratio: number;
  /** Width and height in pixels of the network's input. */
  pixels: [number, number];
}

// Matching

export interface MatchedImage {
  objects: MatchedObject[];
  negatives: Negative[];
  counts: { positives: number; negatives: number };
  config: { method: string; iou: number; negatives: number; mined: boolean };
}

export interface MatchedObject extends LabelledObject {
  /** -1 for a class that the model does not have. */
  label: number;
  best: { prior: number; iou: number } | null;
  positives: Positive[];
}

export interface Positive extends CellPlace {
  prior: number;
  iou: number;
  box: Box;
  map: number;
  loss_classes: number;
  loss_boxes: number;
}

export interface Negative {
  prior: number;
  box: Box;
  map: number;
  loss: number;
  /** The class with the highest score. */
  most_like: string;
}

// Augmentation

export interface AugmentedImage {
  seed: number;
  steps: AugmentationStep[];
}

export interface AugmentationStep {
  title: string;
  says: string;
  /** `data:` URLs of the image. */
  before: string;
  after: string;
  /** The objects after the step. */
  objects: RelativeObject[];
  /** Whether the step changed the image. */
  did: boolean;
}

/** A labelled object whose box is relative to its image. */
export interface RelativeObject {
  name: string;
  box_rel: Box;
}

// Datasets

export interface Dataset {
  /** NAME/SPLIT. */
  name: string;
  /** Number of images. */
  images: number;
  /** Number of objects. */
  objects: number;
  classes: string[];
  /** Whether mistakes are known, from the detections of an evaluation. */
  mistakes: boolean;
}

export type Mistake = "missed" | "false" | "mislabelled";

export interface DatasetQuery {
  data: string;
  class: string;
  size: string;
  mistake: string;
  offset: number;
  limit: number;
}

export interface DatasetPage {
  /** Number of images that match the query. */
  total: number;
  images: DatasetImage[];
}

export interface DatasetImage {
  id: string;
  width: number;
  height: number;
  objects: LabelledObject[];
  mistakes?: Partial<Record<Mistake, LabelledObject[]>>;
}
