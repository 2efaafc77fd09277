// Signs in and goes where the person wanted to go.
"use strict";
document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const value = (id) => document.getElementById(id).value;
  const answer = await fetch("/api/v1/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: value("user"), password: value("password") }),
  });
  if (answer.ok) {
    const to = new URLSearchParams(location.search).get("to") || "/";
    location.href = to.startsWith("/") && !to.startsWith("//") ? to : "/";
  } else {
    const problem = await answer.json();
    document.getElementById("answer").textContent = `登录失败 not signed in: ${problem.detail}`;
  }
});
