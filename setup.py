"""What static metadata cannot say: metrics.yaml and pings.yaml stand at the top of the repository, where Mozilla's
data pipeline looks for them, and must be inside the installed package as well."""

from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py

TELEMETRY = ("metrics.yaml", "pings.yaml")


class BuildWithTelemetry(build_py):
    """Copies the two files into the built package (never into the source tree)."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in TELEMETRY:
            copyfile(Path(__file__).parent / name, Path(self.build_lib) / "mozbisect" / name)


setup(cmdclass={"build_py": BuildWithTelemetry})
