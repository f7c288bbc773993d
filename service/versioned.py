"""Which policy serves: the version that `tune` promoted, where the settings leave the choice open."""

import math
from dataclasses import dataclass, replace

import structlog

from models.errors import BadSettings
from router.policies import load_policy
from router.tuning import Challenger
from router.types import RouterSettings
from service.sections import Router
from store.versions import Version, Versions

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Serving:
    """The router's settings with the policy and parameters that serve, what `tune` changed in them, and its number."""

    settings: RouterSettings
    challenger: Challenger
    version: int | None


def serving(router: Router, versions: Versions) -> Serving:
    """The version in use over the settings; a policy that the settings name wins over it. Blocks; raises StoreError.

    A version that cannot be used is passed over for what the settings say, and the log says why.
    """
    settings, version = router.spec(), versions.current()
    usual = Serving(settings, Challenger(settings.policy), None)
    if version is None:
        versions.ignore()
        return usual
    if "policy" in router.model_fields_set:
        log.info("the settings name the policy; the version in use is passed over", version=version.id)
        versions.ignore()
        return usual
    challenger = fitted(version)
    if challenger is None or not _opens(challenger, settings, version):
        versions.ignore()
        return usual
    log.info("policy version in use", version=version.id, policy=str(challenger))
    params = {**settings.params, **challenger.params}
    return Serving(replace(settings, policy=challenger.policy, params=params), challenger, version.id)


def fitted(version: Version) -> Challenger | None:
    """The policy and the parameters of a version; None, said in the log, where its row holds none."""
    row = version.fitted if isinstance(version.fitted, dict) else {}
    policy, params = row.get("policy"), row.get("params", {})
    sound = isinstance(params, dict) and all(
        isinstance(value, int | float) and math.isfinite(value) for value in params.values()
    )
    if not isinstance(policy, str) or not sound:
        log.warning("the policy version in use cannot be read and is not used", version=version.id)
        return None
    return Challenger(policy, {str(name): float(value) for name, value in params.items()})


def _opens(challenger: Challenger, settings: RouterSettings, version: Version) -> bool:
    try:
        load_policy(challenger.policy, challenger.settings(settings))
    except BadSettings as error:
        log.warning("the policy version in use cannot be opened and is not used", version=version.id, error=str(error))
        return False
    return True
