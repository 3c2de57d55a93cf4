"""The page of `siamfc serve` and its server.

`server` makes the application and serves it behind `access`; `session` has the open videos, each a
`job`: its clip, its track and the state of tracking.

- A video that is opened: `routes_open` → `uploads`, `library` or `recorder` → `clips` → `session`.
- A box that is drawn: `routes_jobs` → `job` → `editable_track` → `drawing`, which has what was
  drawn and its undo; what is to be tracked follows from that.
- A frame that is tracked: `job` → `editable_track` → `segment_runs`, which has for each stretch
  between two key frames its `runs`, forwards and backwards → `row_table`.
- What has changed: `events` → the page, whose `news.js` puts it into `track.js` and on the screen.
"""
