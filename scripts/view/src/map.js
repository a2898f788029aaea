// Block maps: one canvas for each block, which shows a stretch of it from left to right by address. The wheel zooms at the
// pointer, dragging moves, a double click shows all again.

import { inkOn } from "./colours.js";
import { padding, rangeAt } from "./heap.js";

const LEAST_SPAN = 64; // bytes across a row: a range of 16 is wide enough to read by then

export class BlockMap {
  constructor(block, canvas, look) {
    this.block = block;
    this.canvas = canvas;
    this.look = look; // { colour(range), dimmed(range), selected, onHover, onSelect, onMove }
    this.from = 0;
    this.span = block.size;
    this.listen();
  }

  // ---- Where things are ----

  offsetAt(clientX) {
    const box = this.canvas.getBoundingClientRect();
    return this.from + ((clientX - box.left) / box.width) * this.span;
  }

  show(from, span) {
    this.span = Math.max(Math.min(LEAST_SPAN, this.block.size), Math.min(this.block.size, span));
    this.from = Math.max(0, Math.min(this.block.size - this.span, from));
    this.draw();
    this.look.onMove(this);
  }

  // The range takes a fifth of the row, in its middle.
  zoomTo(range) {
    const span = range.size * 5;
    this.show(range.offset + range.size / 2 - span / 2, span);
  }

  // ---- Drawing ----

  draw() {
    const { canvas, block } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === 0) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.dataset.from = this.from;
    canvas.dataset.span = this.span;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = "#20262e";
    context.fillRect(0, 0, width, height);
    const scale = width / this.span;
    const first = rangeAt(block, this.from);
    if (first === null) return this.drawUntold(context, width, height);
    for (let i = block.ranges.indexOf(first); i < block.ranges.length && block.ranges[i].offset < this.from + this.span; i++)
      this.drawRange(context, block.ranges[i], scale, width, height);
  }

  drawRange(context, range, scale, width, height) {
    const left = Math.max(0, (range.offset - this.from) * scale);
    const right = Math.min(width, (range.offset + range.size - this.from) * scale);
    if (range.state !== "free") {
      context.globalAlpha = this.look.dimmed(range) ? 0.13 : 1;
      context.fillStyle = this.look.colour(range);
      context.fillRect(left, 0, Math.max(0.6, right - left), height);
      const unasked = (padding(range) + (range.behind ?? 0)) * scale;
      if (range.state === "live" && unasked > 1) this.drawPadding(context, right - unasked, right, height);
      if (range.state !== "live") this.drawStripes(context, left, right, height);
      context.globalAlpha = 1;
      if (right - left > 3) {
        context.fillStyle = "rgba(0,0,0,0.45)";
        context.fillRect(right - 1, 0, 1, height);
      }
      if (right - left > 60) this.drawName(context, range, left, right, height);
    }
    if (range === this.look.selected) {
      context.strokeStyle = "#ffffff";
      context.lineWidth = 2;
      context.strokeRect(left + 1, 1, Math.max(2, right - left - 2), height - 2);
    }
  }

  // No ranges are not the same as an empty block.
  drawUntold(context, width, height) {
    context.fillStyle = "#3a434e";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "rgba(255,255,255,0.8)";
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillText("what is in it is not told", 6, height / 2);
  }

  // What was not asked for is hatched.
  drawPadding(context, left, right, height) {
    context.fillStyle = "rgba(0,0,0,0.5)";
    for (let x = left; x < right; x += 4) context.fillRect(x, 0, Math.min(2, right - x), height);
  }

  // What is nobody's any more is striped, whatever its colour.
  drawStripes(context, left, right, height) {
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, height);
    context.clip();
    context.strokeStyle = "rgba(18,22,27,0.45)";
    context.lineWidth = 2;
    context.beginPath();
    for (let x = Math.floor(left / 7) * 7 - height; x < right; x += 7) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    context.restore();
  }

  drawName(context, range, left, right, height) {
    context.save();
    context.beginPath();
    context.rect(left + 4, 0, right - left - 8, height);
    context.clip();
    context.fillStyle = inkOn(this.look.colour(range));
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillText(range.name === null ? range.state : range.state === "live" ? range.name : `${range.name} (${range.state})`, left + 6, height / 2);
    context.restore();
  }

  // ---- The pointer ----

  listen() {
    const { canvas } = this;
    let dragged = null;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const at = this.offsetAt(event.clientX);
      const factor = Math.exp(event.deltaY * 0.002);
      const span = this.span * factor;
      this.show(at - (at - this.from) * (Math.max(LEAST_SPAN, Math.min(span, this.block.size)) / this.span), span);
      this.look.onHover(this, event);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      dragged = { x: event.clientX, from: this.from, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (dragged !== null) {
        const by = event.clientX - dragged.x;
        dragged.moved ||= Math.abs(by) > 3;
        if (dragged.moved) this.show(dragged.from - (by / canvas.clientWidth) * this.span, this.span);
      }
      this.look.onHover(this, event);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (dragged !== null && !dragged.moved) this.look.onSelect(this, rangeAt(this.block, this.offsetAt(event.clientX)));
      dragged = null;
    });
    canvas.addEventListener("pointerleave", () => this.look.onHover(this, null));
    canvas.addEventListener("dblclick", () => this.show(0, this.block.size));
  }
}
