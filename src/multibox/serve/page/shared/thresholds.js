// From which score on a detection is shown.

/** One score for all classes, or each class its own as the model file says. */
export class Thresholds {
  constructor(model) {
    this.score = model.show;
    this.byClass = model.thresholds ?? {};
    this.own = Object.values(this.byClass).some((score) => score !== model.show);
    this.hidden = new Set(); // names of classes that are switched off
  }

  /** Whether the score is high enough, whatever the class's switch. */
  passes({ name, score }) {
    return score >= (this.own ? (this.byClass[name] ?? this.score) : this.score);
  }

  shows(detection) {
    return this.passes(detection) && !this.hidden.has(detection.name);
  }
}
