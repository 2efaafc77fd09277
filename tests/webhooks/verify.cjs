// Verifies one delivery with the standardwebhooks library of npm; a changed body must fail.
"use strict";
const fs = require("node:fs");
const { Webhook } = require("standardwebhooks");

const delivery = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const hook = new Webhook(delivery.secret);
hook.verify(delivery.body, delivery.headers);
try {
  hook.verify(`${delivery.body} `, delivery.headers);
} catch {
  console.log("verified by npm standardwebhooks");
  process.exit(0);
}
console.error("a changed body passed");
process.exit(1);
