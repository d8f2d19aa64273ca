"""The options of mozregression 7.6.0 beside ours: one literal row each. generate.py makes a page of it, and a test
holds it against the recorded ``mozregression --help``.

(its spellings, ours, what differs)
"""

SAME = ""

OPTIONS = (
    ("-h, --help", "-h, --help", SAME),
    ("--version", "-V, --version", SAME),
    ("-b, --bad", "-b, --bad", SAME),
    ("-g, --good", "-g, --good", SAME),
    ("--list-releases", "--list-releases", "Also says when each was released."),
    ("-B, --build-type", "-B, --build-type", "A type that the app has not is refused; there, another one is taken."),
    ("--list-build-types", "--list-build-types", SAME),
    ("--find-fix", "--find-fix", SAME),
    ("-e, --addon", "-e, --addon", SAME),
    ("-p, --profile", "-p, --profile", SAME),
    ("--adb-profile-dir", "--adb-profile-dir", SAME),
    ("--profile-persistence", "--profile-persistence", SAME),
    ("-a, --arg", "-a, --arg", "`-a --headless` works as well as `--arg=--headless`."),
    ("--pref", "--pref", "May be repeated, too: there, only the last one counts. One without a colon is refused."),
    ("--preferences", "--preferences", "May be repeated, too: there, only the last one counts."),
    ("-n, --app", "-n, --app", SAME),
    ("--lang", "--lang", SAME),
    ("--repo", "--repo", SAME),
    ("--bits", "--bits", SAME),
    ("--arch", "--arch", SAME),
    (
        "-c, --command",
        "-c, --command",
        "125 skips, 126 and 127 stop the run; there, they mean bad. No shell is involved.",
    ),
    (
        "--persist",
        "--persist",
        "The names of the files are others: its folder can be shared, its builds are not reused.",
    ),
    ("--persist-size-limit", "--persist-size-limit", SAME),
    ("--http-timeout", "--http-timeout", SAME),
    ("--no-background-dl", "--no-background-dl", SAME),
    ("--background-dl-policy", "--background-dl-policy", SAME),
    ("--approx-policy", "--approx-policy", SAME),
    ("--launch", "--launch", SAME),
    ("-P, --process-output", "-P, --process-output", SAME),
    ("-M, --mode", "-M, --mode", SAME),
    ("--archive-base-url", "--archive-base-url", SAME),
    ("--write-config", "--write-config", "Writes a file of its own, and takes over what mozregression's says."),
    ("-d, --debug", "-d, --debug", SAME),
)
