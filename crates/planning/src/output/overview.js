(function () {
  var map = document.getElementById('map'), detail = document.getElementById('detail');
  if (!map) return;
  var trips = JSON.parse(document.getElementById('trips').textContent);
  var box = map.viewBox.baseVal, home = [box.x, box.y, box.width, box.height], drag = null;
  function pick(id) {
    map.classList.toggle('picked', !!id);
    map.querySelectorAll('.trip').forEach(function (e) { e.classList.toggle('on', e.dataset.trip === id); });
    detail.textContent = id ? trips[id] || '' : detail.dataset.hint;
  }
  document.querySelectorAll('[data-trip]').forEach(function (e) {
    e.addEventListener('click', function (ev) { ev.stopPropagation(); pick(e.dataset.trip); });
  });
  map.addEventListener('click', function () { if (!drag || !drag.moved) pick(null); drag = null; });
  map.addEventListener('wheel', function (ev) {
    ev.preventDefault();
    var r = map.getBoundingClientRect(), f = ev.deltaY > 0 ? 1.2 : 1 / 1.2;
    var px = box.x + box.width * (ev.clientX - r.left) / r.width, py = box.y + box.height * (ev.clientY - r.top) / r.height;
    var w = Math.min(home[2] * 2, Math.max(1500, box.width * f)), k = w / box.width;
    box.x = px - (px - box.x) * k; box.y = py - (py - box.y) * k; box.width = w; box.height *= k;
  }, { passive: false });
  map.addEventListener('pointerdown', function (ev) { drag = { x: ev.clientX, y: ev.clientY, bx: box.x, by: box.y, moved: false }; });
  map.addEventListener('pointermove', function (ev) {
    if (!drag || !ev.buttons) return;
    var r = map.getBoundingClientRect(), s = Math.max(box.width / r.width, box.height / r.height);
    if (Math.abs(ev.clientX - drag.x) + Math.abs(ev.clientY - drag.y) > 4) drag.moved = true;
    box.x = drag.bx - (ev.clientX - drag.x) * s; box.y = drag.by - (ev.clientY - drag.y) * s;
  });
  map.addEventListener('dblclick', function () { box.x = home[0]; box.y = home[1]; box.width = home[2]; box.height = home[3]; });
  document.querySelectorAll('[data-layer]').forEach(function (e) {
    e.addEventListener('change', function () {
      map.querySelectorAll('.trip.' + e.dataset.layer).forEach(function (p) { p.style.display = e.checked ? '' : 'none'; });
    });
  });
  document.getElementById('find').addEventListener('input', function (ev) {
    var q = ev.target.value.trim().toLowerCase(), lines = [];
    map.querySelectorAll('.place').forEach(function (p) {
      var hit = q && (p.dataset.name + ' ' + p.dataset.site).toLowerCase().indexOf(q) >= 0;
      p.classList.toggle('hit', !!hit);
      if (hit) lines.push(p.dataset.name + ' ' + p.dataset.site);
    });
    if (q) Object.keys(trips).forEach(function (t) { if (trips[t].toLowerCase().indexOf(q) >= 0) lines.push(trips[t].split('\n')[0]); });
    detail.textContent = lines.slice(0, 60).join('\n');
  });
})();
