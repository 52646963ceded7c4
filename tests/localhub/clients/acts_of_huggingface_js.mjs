// What people do with @huggingface/hub; prints a JSON object: "" or the fault by act.
import * as hub from "@huggingface/hub";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";

const hubUrl = process.env.HF_ENDPOINT;
const tokens = JSON.parse(process.env.TOKENS);
const own = { hubUrl, accessToken: tokens.owner };
const repo = { type: "dataset", name: "maintainer/from-js" };
const large = new Blob([new Uint8Array(12_000_000).map((_, n) => n % 251)]);
const found = {};

const check = (value, said) => {
  if (!value) throw new Error(`not so: ${said}`);
};
const all = async (each) => {
  const list = [];
  for await (const value of each) list.push(value);
  return list;
};
const act = async (name, run) => {
  try {
    await run();
    found[name] = "";
  } catch (error) {
    found[name] = `${error.name}: ${error.message} ${error.url ?? ""}`;
  }
};

await act("whoAmI", async () => check((await hub.whoAmI(own)).name === "maintainer", "name"));
await act("createRepo", async () => {
  const files = [{ path: "first.txt", content: new Blob(["first"]) }];
  await hub.createRepo({ ...own, repo, license: "mit", files });
  check(await hub.repoExists({ ...own, repo }), "exists");
  check(await hub.fileExists({ ...own, repo, path: "first.txt" }), "first.txt");
  check((await (await hub.downloadFile({ ...own, repo, path: "README.md" })).text()).includes("license: mit"), "license");
});
await act("uploadFile", async () => {
  await hub.uploadFile({ ...own, repo, file: { path: "small.txt", content: new Blob(["small"]) } });
});
await act("uploadLargeFile", async () => {
  await hub.uploadFile({ ...own, repo, file: { path: "data/large.bin", content: large } });
  const back = await hub.downloadFile({ ...own, repo, path: "data/large.bin" });
  const bytes = new Uint8Array(await back.arrayBuffer());
  check(bytes.length === 12_000_000 && bytes[1_000_000] === 1_000_000 % 251, "content");
});
await act("uploadFiles", async () => {
  const files = ["a", "b"].map((name) => ({ path: `${name}.txt`, content: new Blob([name]) }));
  for await (const _ of hub.uploadFilesWithProgress({ ...own, repo, files })) void _;
});
await act("listFiles", async () => {
  const files = await all(hub.listFiles({ ...own, repo, recursive: true, expand: true }));
  check(files.some((file) => file.path === "data/large.bin" && file.lfs.size === 12_000_000), "large.bin");
});
await act("pathsInfo", async () => {
  const infos = await hub.pathsInfo({ ...own, repo, paths: ["small.txt", "none"], expand: true });
  check(infos.length === 1 && infos[0].size === 5 && infos[0].lastCommit, "small.txt");
});
await act("fileDownloadInfo", async () => {
  const info = await hub.fileDownloadInfo({ ...own, repo, path: "data/large.bin" });
  check(info.size === 12_000_000 && info.etag, "size");
  check((await hub.fileDownloadInfo({ ...own, repo, path: "none" })) === null, "null");
  check((await hub.downloadFile({ ...own, repo, path: "data/large.bin", raw: true })).size < 200, "pointer");
});
await act("partOfAFile", async () => {
  const blob = await hub.downloadFile({ ...own, repo, path: "data/large.bin" });
  const part = new Uint8Array(await blob.slice(500, 502).arrayBuffer());
  check(part[0] === 500 % 251 && part[1] === 501 % 251, "bytes 500 and 501");
});
await act("commits", async () => {
  const commits = await all(hub.listCommits({ ...own, repo, batchSize: 2 }));
  check(commits.length === (await hub.countCommits({ ...own, repo, revision: "main" })), "as many");
});
await act("branches", async () => {
  await hub.createBranch({ ...own, repo, branch: "dev" });
  await hub.createBranch({ ...own, repo, branch: "empty", empty: true });
  await hub.createBranch({ ...own, repo, branch: "empty", revision: "main", overwrite: true });
  check((await all(hub.listFiles({ ...own, repo, revision: "empty" }))).length > 3, "overwritten");
  await hub.deleteBranch({ ...own, repo, branch: "dev" });
});
await act("pullRequest", async () => {
  const file = { operation: "addOrUpdate", path: "proposed.txt", content: new Blob(["proposed"]) };
  const made = await hub.commit({ ...own, repo, title: "Propose", operations: [file], isPullRequest: true });
  check(made.pullRequestUrl.endsWith("/discussions/1"), made.pullRequestUrl);
});
await act("deleteFiles", async () => {
  await hub.deleteFile({ ...own, repo, path: "a.txt" });
  await hub.deleteFiles({ ...own, repo, paths: ["b.txt", "small.txt"] });
  check(!(await hub.fileExists({ ...own, repo, path: "b.txt" })), "b.txt");
});
await act("listDatasets", async () => {
  const search = { owner: "maintainer", tags: ["license:mit"] };
  const listed = await all(hub.listDatasets({ ...own, search, additionalFields: ["tags"] }));
  check(listed.length === 1 && listed[0].tags.includes("license:mit"), "one");
  check((await all(hub.listModels({ ...own, search, sort: "lastModified" }))).length === 0, "no model");
});
await act("datasetInfo", async () => check((await hub.datasetInfo({ ...own, name: repo.name })).private === false, "public"));
await act("snapshotDownload", async () => {
  const cacheDir = mkdtempSync(join(tmpdir(), "js-"));
  const folder = await hub.snapshotDownload({ ...own, repo, cacheDir });
  check(readFileSync(join(folder, "data/large.bin")).length === 12_000_000, "large.bin");
});
await act("gate", async () => {
  const headers = { Authorization: `Bearer ${tokens.owner}`, "Content-Type": "application/json" };
  const body = JSON.stringify({ gated: "manual" });
  await fetch(`${hubUrl}/api/datasets/${repo.name}/settings`, { method: "PUT", headers, body });
  await hub.checkRepoAccess({ hubUrl, repo, accessToken: tokens.granted });
  for (const accessToken of [tokens.ungranted, undefined]) {
    const refused = await hub.downloadFile({ hubUrl, repo, accessToken, path: "data/large.bin" }).then(
      () => 200,
      (error) => error.statusCode,
    );
    check(refused === (accessToken ? 403 : 401), `refused: ${refused}`);
  }
});
await act("collections", async () => {
  const made = await hub.createCollection({ ...own, collection: { namespace: "maintainer", title: "From JavaScript" } });
  const slug = made.slug ?? made;
  const listed = await all(hub.listCollections({ ...own, search: { owner: ["maintainer"] } }));
  check(listed.some((each) => each.slug === slug), "listed");
  await hub.deleteCollection({ ...own, slug });
});
await act("deleteRepo", async () => {
  await hub.deleteRepo({ ...own, repo });
  check(!(await hub.repoExists({ ...own, repo })), "gone");
});

console.log(JSON.stringify(found));
