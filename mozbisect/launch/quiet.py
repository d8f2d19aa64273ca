"""What is switched off in every build under test, so that builds differ by their code and by nothing else.

An update would replace the build that is being judged; first-run pages, prompts and experiments differ from day to day;
and what a bisection does is no telemetry of a person. Rows only: nothing here touches a disk. A preference that a
person gives wins over its row here.
"""

from __future__ import annotations

from collections.abc import Mapping

Pref = bool | int | str

_EVERYWHERE: dict[str, Pref] = {
    # Updates: of the app (builds since Firefox 60 obey the policy instead), of add-ons, of search engines.
    "app.update.enabled": False,
    "app.update.auto": False,
    "app.update.background.enabled": False,
    "app.update.checkInstallTime": False,
    "app.update.service.enabled": False,
    "browser.search.update": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    # Safe mode after crashes, and a notice of what is sent.
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "toolkit.startup.max_resumed_crashes": -1,
    # Reports to Mozilla: telemetry, health, crashes.
    "browser.crashReports.unsubmittedCheck.autoSubmit2": False,
    "browser.crashReports.unsubmittedCheck.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "toolkit.telemetry.shutdownPingSender.enabled": False,
    # Probes of the network at every start.
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # Add-ons that a person asked for (--addon) are there from the start, signed or not where the build allows it.
    "extensions.autoDisableScopes": 0,
    "xpinstall.signatures.required": False,
}

_FIREFOX: dict[str, Pref] = {
    # Experiments: they would come and go between two builds.
    "app.normandy.enabled": False,
    "app.shield.optoutstudies.enabled": False,
    # Pages and prompts of a first start, of a new version, of a new day.
    "browser.aboutwelcome.enabled": False,
    "browser.messaging-system.whatsNewPanel.enabled": False,
    "browser.newtabpage.activity-stream.asrouter.userprefs.cfr.addons": False,
    "browser.newtabpage.activity-stream.asrouter.userprefs.cfr.features": False,
    "browser.preonboarding.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.upgradeDialog.enabled": False,
    "browser.uitour.enabled": False,
    "startup.homepage_override_url": "",
    "startup.homepage_welcome_url": "",
    "startup.homepage_welcome_url.additional": "",
    "termsofuse.bypassNotification": True,
    "trailhead.firstrun.didSeeAboutWelcome": True,
    # Questions: default browser, closing tabs, what a crash or a killed run left open.
    "browser.sessionstore.resume_from_crash": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.tabs.crashReporting.sendReport": False,
    "browser.tabs.warnOnClose": False,
    "browser.warnOnQuit": False,
}

_THUNDERBIRD: dict[str, Pref] = {
    # A first start without an account opens its wizard, and offers new addresses for sale.
    "mail.provider.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    # Pages and prompts of a first start, of a new version, of a new year.
    "app.donation.eoy.version.viewed": 999,
    "mail.inappnotifications.enabled": False,
    "mail.rights.version": 1,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    # Questions: default mail program, search of the system, calendar.
    "calendar.integration.notify": False,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    # Its own reports to Mozilla.
    "mail.instrumentation.askUser": False,
    "mail.instrumentation.userOptedIn": False,
}

PREFS: dict[str, dict[str, Pref]] = {
    "firefox": {**_EVERYWHERE, **_FIREFOX},
    "thunderbird": {**_EVERYWHERE, **_THUNDERBIRD},
}
"""By the kind of profile (``catalog.apps.Desktop.profile``); a browser on Android takes Firefox's."""

PROFILES = {"firefox": "Profile", "thunderbird": "ThunderbirdProfile"}
"""By the kind of profile: the class of mozprofile."""

ENVIRONMENT: dict[str, str] = {
    # A Firefox that is already open must not take the start over: the first for builds before 67, the second since.
    "MOZ_NO_REMOTE": "1",
    "MOZ_NEW_INSTANCE": "1",
    # A profile that a later build has used is no reason to refuse (since Firefox 67).
    "MOZ_ALLOW_DOWNGRADE": "1",
    # Neither a held Shift key nor a few crashed starts lead to safe mode.
    "MOZ_DISABLE_AUTO_SAFE_MODE": "1",
    "MOZ_DISABLE_SAFE_MODE_KEY": "1",
    # A crash leaves its dump in the profile: no window, no upload.
    "MOZ_CRASHREPORTER_NO_REPORT": "1",
}

FOREIGN = frozenset(
    {
        "MOZ_APP_RESTART",
        "MOZ_CRASHREPORTER_DATA_DIRECTORY",
        "MOZ_CRASHREPORTER_EVENTS_DIRECTORY",
        "MOZ_CRASHREPORTER_PING_DIRECTORY",
        "MOZ_SAFE_MODE_RESTART",
        "SNAP_INSTANCE_NAME",
        "SNAP_NAME",
        "XRE_PROFILE_LOCAL_PATH",
        "XRE_PROFILE_PATH",
        "XRE_RESTARTED_BY_PROFILE_MANAGER",
        "XRE_RESTARTED_BY_PROFILE_SELECTOR",
        "XRE_RESTART_TO_PROFILE_MANAGER",
        "XRE_START_OFFLINE",
    }
)
"""What a Firefox tells its own children; it comes here when mozbisect is started from a terminal inside of one."""


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a build under test, made from our own."""
    return {name: value for name, value in own.items() if name not in FOREIGN} | ENVIRONMENT
