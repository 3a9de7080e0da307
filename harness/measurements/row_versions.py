"""The versions of a table of rows: which are read, and which columns each added."""

# 2 added profile, base_weights and training_precision.
SCHEMA_VERSION = 7
OLDEST = 2  # that is read
# By column: the version that added it; a row of an older one has its default.
ADDED = (
    dict.fromkeys(("options", "upload_s", "download_s"), 3)
    | dict.fromkeys(
        (
            *("runtime", "output_max_abs", "input_shape", "file_bytes", "mcnemar_p", "gained", "lost"),
            *("latency_p90_missing", "latency_p99_missing", "warm_up_s"),
            *("baseline_rss_bytes", "arena_bytes", "device_memory_bytes", "energy_j", "energy_source"),
        ),
        4,
    )
    | dict.fromkeys(
        ("stored_bytes", "operators", "optimised_operators", "node_providers", "control_s", "sampled_as"), 5
    )
    | dict.fromkeys(("exporter", "rows_in_run"), 6)
    | dict.fromkeys(("second_opinion", "opinion_max_abs", "opinion_scale", "opinion_tolerance"), 7)
)
