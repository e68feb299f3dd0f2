/** The part of a drawing that is seen, in the drawing's own units, and how large it may be drawn. Pure. */

export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const clampScale = (scale: number): number => Math.min(4, Math.max(0.05, scale));

/** At which all of it is seen; never larger than twice its own size. */
export const fitting = (drawing: Size, area: Size): number =>
  clampScale(Math.min(2, area.width / drawing.width, area.height / drawing.height));
