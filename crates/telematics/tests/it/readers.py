"""Reads a folder of track files with DuckDB and with pandas; prints what both saw as one JSON line."""

import glob
import json
import sys

import duckdb
import pandas

folder = sys.argv[1]
rows = duckdb.sql(
    f"SELECT day, vehicle, time_s, time_ms, delay_ms, lon_e6, lat_e6, altitude_m, speed_dkmh::INT, course_deg::INT, status, feed, "
    f"octet_length(items) AS item_bytes FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true) "
    f"ORDER BY vehicle, time_s, time_ms"
).fetchall()
frame = pandas.concat(pandas.read_parquet(path) for path in glob.glob(f"{folder}/*/*.parquet"))
frame = frame.sort_values(["vehicle", "time_s", "time_ms"])
print(
    json.dumps(
        {
            "duckdb": [[str(row[0]), *row[1:]] for row in rows],
            "pandas": {
                "rows": len(frame),
                "columns": list(frame.columns),
                "lon_sum": int(frame.lon_e6.sum()),
                "speed_sum": int(frame.speed_dkmh.sum()),
                "status_max": int(frame.status.max()),
                "no_altitude": int(frame.altitude_m.isna().sum()),
                "item_bytes": int(frame["items"].dropna().map(len).sum()),
            },
        }
    )
)
