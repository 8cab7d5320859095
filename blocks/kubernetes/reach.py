"""The way to a cluster: from a kubeconfig, or from the service account of the pod that this process runs in.

The official client reads the files; what it does not do is to keep credentials good for longer than they last. That is
`blocks.kubernetes.logins`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import InClusterConfigLoader
from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

from blocks.kubernetes.api_server import ApiServer
from blocks.kubernetes.logins.base import Login
from blocks.kubernetes.logins.certificates import Certificates
from blocks.kubernetes.logins.exec_plugin import ExecPlugin, Program
from blocks.kubernetes.logins.kubeconfig_user import KubeconfigUser
from blocks.kubernetes.logins.token_file import TokenFile
from sluice.errors import SluiceError, TerminalError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts token, ca.crt and namespace of a pod's service account."""
CONNECTIONS = 0
"""No limit of aiohttp's, whose queue cannot tell a watch, which keeps its connection, from a call: with more watches than
connections no call was ever answered. `CALLS` of the API server bounds what is asked at once."""


async def reach(kubeconfig: str | None, context: str | None, service_account: Path = SERVICE_ACCOUNT) -> ApiServer:
    """The API server that the arguments mean, and where they say nothing that of the default kubeconfig or of this pod.

    Raises:
        TerminalError: there is no way to a cluster; the message says what was tried.
    """
    paths = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    found = _exists(paths)
    tried = f"kubeconfig {paths}{f', context {context}' if context else ''}"
    try:
        if found:
            return await _by_kubeconfig(paths, context)
        if kubeconfig or context:
            raise TerminalError(f"no way to a cluster: {tried} is not there: set SLUICE_KUBECONFIG")
        return _by_service_account(service_account)
    except SluiceError:
        raise
    except ConfigException as error:
        more = "" if found else f", then the service account in {service_account}"
        raise TerminalError(
            f"no way to a cluster ({tried}{more}): {error} Set SLUICE_KUBECONFIG, or run in a pod"
        ) from error
    except Exception as error:
        raise TerminalError(f"no way to a cluster ({tried}): {error!r}") from error


def _by_service_account(folder: Path) -> ApiServer:
    configuration = _configuration()
    token, authority = folder / "token", folder / "ca.crt"
    InClusterConfigLoader(str(token), str(authority), try_refresh_token=False).load_and_set(configuration)
    return ApiServer(client.ApiClient(configuration), "of this pod", TokenFile(token, "this pod's service account"))


async def _by_kubeconfig(paths: str, context: str | None) -> ApiServer:
    merged = KubeConfigMerger(paths).config
    loader = KubeConfigLoader(merged, active_context=context, config_base_path=None)
    chosen: dict[str, Any] = loader.current_context
    user = str(chosen["context"].get("user") or "")
    entry = merged["users"].get_with_name(user, safe=True) if user else None
    about = entry.value.get("user") if entry else None
    about = about if isinstance(about, dict) else {}
    folder = _folder_of(entry.path if entry else None)
    # What ends is left to a login that renews it: the client would read or run it once.
    plugin, token_file = about.pop("exec", None), about.pop("tokenFile", None)
    configuration = _configuration()
    await loader.load_and_set(configuration)
    api = client.ApiClient(configuration)
    who = f"user {user or '(none)'} of kubeconfig {paths}"
    login: Login
    if plugin:
        cluster = merged["clusters"].get_with_name(chosen["context"]["cluster"]).value.get("cluster") or {}
        login = ExecPlugin(_program(plugin, user, folder, cluster), Certificates(api).use)
    elif token_file:
        login = TokenFile(folder / token_file, who)
    else:
        certificates = Certificates(api)

        async def read() -> tuple[str, str]:
            again = _configuration()
            await KubeConfigLoader(KubeConfigMerger(paths).config, context, config_base_path=None).load_and_set(again)
            return certificates.of(again, use=True)

        login = KubeconfigUser(who, certificates.of(configuration), read)
    return ApiServer(api, str(chosen["name"]), login)


def _exists(paths: str) -> bool:
    return any(path and Path(path).expanduser().exists() for path in paths.split(os.pathsep))


def _folder_of(kubeconfig: str | None) -> Path:
    """What paths in this kubeconfig are relative to."""
    return Path(kubeconfig).expanduser().absolute().parent if kubeconfig else Path()


def _configuration() -> Any:
    configuration = client.Configuration()
    configuration.connection_pool_maxsize = CONNECTIONS
    return configuration


def _program(plugin: dict[str, Any], user: str, folder: Path, cluster: dict[str, Any]) -> Program:
    """The exec plugin of a kubeconfig.

    Raises:
        TerminalError: it names no command or no version.
    """
    command, version = str(plugin.get("command") or ""), str(plugin.get("apiVersion") or "")
    if not command or not version:
        raise TerminalError(f"kubeconfig user {user}: exec needs command and apiVersion")
    if plugin.get("interactiveMode") == "Always":
        raise TerminalError(
            f"kubeconfig user {user}: its exec plugin {command} wants a person (interactiveMode: Always)"
        )
    if os.sep in command and not Path(command).is_absolute():
        # As kubectl: relative to the file that names it.
        command = str(folder / command)
    about = {name: value for name, value in cluster.items() if name not in {"certificate-authority", "extensions"}}
    return Program(
        (command, *map(str, plugin.get("args") or ())),
        version,
        user,
        {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()},
        str(plugin.get("installHint") or "").strip(),
        about if plugin.get("provideClusterInfo") else None,
    )
