// The page: what is chosen, what is asked, and what has changed meanwhile.
// Jobs live on the server; a reload, or another tab, finds them again.

import { get, post, upload, Offline } from "./api.js";
import { released } from "./press.js";
import { describe, drawDownloads, drawJobs, drawLegend } from "./result.js";
import { View } from "./view.js";
import { WordList } from "./words.js";

const at = (id) => document.getElementById(id);
const view = new View(at("map"), at("divider"), at("pointer"));
const words = new WordList(at("words"), at("add"), adviseSoon);
const chosen = { scene: null, job: null, heat: null };
let model = null;
let drawn = "";
let adviceTimer = 0;

function asked() {
  return { classes: words.rows, background: at("background").value, threshold: null };
}

function complain(error) {
  if (error instanceof Offline) {
    at("offline").hidden = false;
    return;
  }
  at("error").textContent = error ? error.message : "";
  at("error").hidden = !error;
}

async function trying(action) {
  complain(null);
  try {
    return await action();
  } catch (error) {
    complain(error);
    return null;
  }
}

async function chooseScene(id) {
  const scene = await trying(() => get(`scenes/${id}`));
  if (!scene) return false;
  chosen.scene = id;
  at("scene").value = id;
  const size = `${scene.width} × ${scene.height} pixels`;
  const metres = scene.resolution ? `, ${Number(scene.resolution.toPrecision(3))} m each` : "";
  at("scene-facts").textContent = [size + metres, ...scene.notes].join(". ");
  at("gsd").disabled = !scene.resolution;
  view.show(scene);
  return true;
}

async function chooseJob(id, fillWords = true) {
  const job = await trying(() => get(`jobs/${id}`));
  if (!job) return;
  if (job.scene !== chosen.scene && !(await chooseScene(job.scene))) return;
  chosen.job = id;
  chosen.heat = null;
  history.replaceState(null, "", `#${id}`);
  if (fillWords) {
    words.rows = job.words.classes;
    at("background").value = job.words.background;
    at("gsd").value = job.gsd ?? "";
    adviseSoon();
  }
  show(job);
}

function show(job) {
  const text = JSON.stringify([job, chosen.heat]);
  if (text === drawn) return;
  drawn = text;
  const active = ["waiting", "running"].includes(job.state);
  at("result").hidden = false;
  at("result").dataset.state = job.state;
  at("status").textContent = describe(job);
  at("progress").hidden = !active;
  if (job.total) at("progress").value = job.done / job.total;
  else at("progress").removeAttribute("value");
  at("cancel").hidden = !active;
  at("resume").hidden = !["cancelled", "failed"].includes(job.state);
  at("controls").hidden = at("cancel").hidden && at("resume").hidden;
  at("done-only").hidden = job.state !== "done";
  at("hectares").hidden = job.legend.every((entry) => entry.hectares == null);
  drawLegend(at("legend").tBodies[0], job, chosen.heat, (heat) => {
    chosen.heat = heat;
    show(job);
  });
  at("notes").replaceChildren(
    ...job.notes.map((note) => {
      const item = document.createElement("li");
      item.textContent = note;
      return item;
    }),
  );
  drawDownloads(at("downloads"), job);
  at("command").textContent = job.command;
  at("scale").hidden = chosen.heat === null;
  view.paint(job, chosen.heat);
}

async function ask(crop) {
  if (!chosen.scene) return;
  const gsd = at("gsd").disabled || !at("gsd").value ? null : Number(at("gsd").value);
  const job = await trying(() =>
    post("jobs", { scene: chosen.scene, words: asked(), crop, gsd }),
  );
  if (!job) return;
  await chooseJob(job.id, false);
  await poll();
}

function adviseSoon() {
  clearTimeout(adviceTimer);
  adviceTimer = setTimeout(advise, 400);
}

async function advise() {
  const list = at("advice");
  if (!words.rows.some((row) => row.words.trim())) {
    list.replaceChildren();
    return;
  }
  let advice;
  try {
    const answer = await post("advice", asked());
    advice = answer.advice;
    words.suggest(answer.colours);
  } catch (error) {
    if (error instanceof Offline) return;
    advice = [{ kind: "error", text: error.message }];
  }
  const shown = advice.slice(0, 4).map(({ kind, text }) => {
    const line = document.createElement("p");
    line.className = kind;
    line.textContent = text;
    return line;
  });
  if (advice.length > 4) {
    const line = document.createElement("p");
    line.textContent = `And ${advice.length - 4} more like these.`;
    shown.push(line);
  }
  await released();
  list.replaceChildren(...shown);
}

async function poll() {
  let state;
  try {
    state = await get("state");
    await released();
    at("offline").hidden = true;
    fillScenes(state.scenes);
    const jobs = state.jobs.filter((job) => job.scene_name !== null).reverse();
    at("earlier").hidden = !jobs.length;
    drawJobs(at("jobs"), jobs, chosen.job, (id) => chooseJob(id));
    if (chosen.job && jobs.some((job) => job.id === chosen.job)) {
      const job = await get(`jobs/${chosen.job}`);
      await released();
      if (job.id === chosen.job) show(job);
    }
  } catch (error) {
    if (!(error instanceof Offline)) throw error;
    at("offline").hidden = false;
  }
  return state;
}

async function watch() {
  const state = await poll().catch((error) => complain(error));
  const busy = state?.jobs.some((job) => ["waiting", "running"].includes(job.state));
  setTimeout(watch, busy ? 500 : 2500);
}

function fillScenes(scenes) {
  const list = at("scene");
  if ([...list.options].map((o) => o.value).join() === scenes.map((s) => s.id).join()) return;
  list.replaceChildren(...scenes.map((scene) => new Option(scene.name, scene.id)));
  if (chosen.scene) list.value = chosen.scene;
}

async function start() {
  const state = await poll();
  if (!state) {
    setTimeout(start, 1000);
    return;
  }
  model = state.model;
  const resolution = model.gsd ? `, trained at ${model.gsd} m per pixel` : "";
  at("model").textContent = `Model: ${model.name}${resolution}`;
  at("upload").hidden = !state.upload_limit;
  at("gsd").value = model.gsd ?? "";
  words.rows = (model.classes || []).slice(0, 6).map((name) => ({ words: name, colour: null }));
  adviseSoon();
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (state.jobs.some((job) => job.id === wanted)) await chooseJob(wanted);
  else if (state.scenes.length) await chooseScene(state.scenes[0].id);
  else at("scene-facts").textContent = "Upload a GeoTIFF or a picture to begin.";
  watch();
}

at("scene").addEventListener("change", async () => {
  if (await chooseScene(at("scene").value)) {
    chosen.job = null;
    at("result").hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
  }
});
at("upload").addEventListener("click", () => at("file").click());
at("file").addEventListener("change", async () => {
  const [file] = at("file").files;
  if (!file) return;
  at("upload").disabled = true;
  at("upload").textContent = "Uploading…";
  const added = await trying(() => upload(file));
  at("upload").disabled = false;
  at("upload").textContent = "Upload…";
  at("file").value = "";
  if (added) {
    await poll();
    at("scene").value = added.id;
    at("scene").dispatchEvent(new Event("change"));
  }
});
at("background").addEventListener("input", adviseSoon);
at("map-view").addEventListener("click", () => {
  const crop = view.map && view.visible;
  const { width, height } = view.scene ?? {};
  if (crop) ask(crop[2] === width && crop[3] === height ? null : crop);
  else complain(new Error("The scene is not in view: move it back, or map the whole scene."));
});
at("map-scene").addEventListener("click", () => ask(null));
at("cancel").addEventListener("click", () =>
  trying(() => post(`jobs/${chosen.job}/cancel`)).then(poll),
);
at("resume").addEventListener("click", () =>
  trying(() => post(`jobs/${chosen.job}/resume`)).then(poll),
);
at("opacity").addEventListener("input", () => view.setOpacity(at("opacity").value / 100));
at("swipe").addEventListener("change", () => view.setSwipe(at("swipe").checked));
at("copy").addEventListener("click", () => navigator.clipboard?.writeText(at("command").textContent));

start();
