// A job as the user sees it: how far it is, its legend, its files.

const KINDS = {
  labels: "Map (COG)",
  polygons: "Polygons (GeoPackage)",
  classes: "Table (CSV)",
  scores: "Scores (COG)",
  preview: "Picture (PNG)",
  style: "QGIS style",
};

export function describe(job) {
  const share = job.total ? ` ${Math.floor((100 * job.done) / job.total)} %` : "";
  switch (job.state) {
    case "waiting":
      return "Waiting for its turn.";
    case "running": {
      if (!job.total) return "Reading the scene…";
      if (job.done === job.total) return "Writing the files…";
      const left = job.seconds_left === null ? "" : `, ${duration(job.seconds_left)} left`;
      return `Mapping:${share}, window ${job.done} of ${job.total}${left}.`;
    }
    case "cancelled":
      return `Cancelled at${share || " the start"}. What is done is kept.`;
    case "failed":
      return job.error;
    default:
      return "Done.";
  }
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function drawLegend(body, job, heat, chooseHeat) {
  body.replaceChildren(
    ...job.legend.map((entry, index) => {
      const row = document.createElement("tr");
      const name = cell(entry.name);
      const chip = document.createElement("span");
      chip.className = "chip";
      chip.style.background = entry.colour;
      name.prepend(chip);
      const known = entry.share !== undefined;
      const hectares = known && entry.hectares !== null;
      row.append(
        name,
        cell(known ? `${(100 * entry.share).toFixed(2)} %` : ""),
        cell(hectares ? entry.hectares.toFixed(2) : ""),
        cell(""),
      );
      if (job.state === "done" && index < job.scored) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "quiet";
        button.textContent = "heat";
        button.setAttribute("aria-label", `Heat map of ${entry.name}`);
        button.setAttribute("aria-pressed", String(heat === index));
        button.addEventListener("click", () => chooseHeat(heat === index ? null : index));
        row.lastChild.append(button);
      }
      return row;
    }),
  );
}

export function drawDownloads(element, job) {
  const links = [];
  for (const [kind, text] of Object.entries(KINDS)) {
    if (!job.files.includes(kind)) continue;
    const link = document.createElement("a");
    link.href = `api/jobs/${job.id}/files/${kind}`;
    link.textContent = text;
    link.setAttribute("download", "");
    links.push(link, " ");
  }
  element.replaceChildren(...links);
}

export function drawJobs(list, jobs, chosen, choose) {
  list.replaceChildren(
    ...jobs.map((job) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const small = document.createElement("small");
      button.type = "button";
      button.textContent = job.names.join(", ");
      const part = job.crop ? `${job.crop[2]} × ${job.crop[3]} px` : "whole scene";
      const when = new Date(1000 * job.created).toLocaleTimeString([], {
        hour: "2-digit",
        minute: "2-digit",
      });
      small.textContent = `${job.scene_name} · ${part} · ${job.state} · ${when}`;
      button.append(small);
      button.setAttribute("aria-current", String(job.id === chosen));
      button.addEventListener("click", () => choose(job.id));
      item.append(button);
      return item;
    }),
  );
}

function cell(text) {
  const element = document.createElement("td");
  element.textContent = text;
  return element;
}
