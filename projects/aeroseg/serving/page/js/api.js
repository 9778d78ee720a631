// Requests to the server. Every address is relative, so that the page works
// behind a proxy with a prefix.

export class Refused extends Error {}
export class Offline extends Error {}

async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, { cache: "no-store", ...options });
  } catch {
    throw new Offline("The server does not answer.");
  }
  if (answer.status === 502 || answer.status === 503 || answer.status === 504) {
    throw new Offline("The server does not answer.");
  }
  const text = await answer.text();
  let content = null;
  try {
    content = JSON.parse(text);
  } catch {
    content = { detail: text };
  }
  if (!answer.ok) throw new Refused(content.detail || `Error ${answer.status}`);
  return content;
}

export const get = (path) => request(path);

export const post = (path, content) =>
  request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(content ?? {}),
  });

export const upload = (file) =>
  request(`uploads/${encodeURIComponent(file.name)}`, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body: file,
  });
