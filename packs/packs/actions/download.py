import os

from pack_source import fetch
from pack_store import PackStore, check_versions
from st2common.runners.base_action import Action


class DownloadAction(Action):
    """Returns {ref: "Success."} of the packs that are there now; of the others, why not. Fails when none is."""

    def run(self, packs, verifyssl=True, force=False, dependency_list=None, checkout_submodules=False):
        for name in ("https_proxy", "http_proxy", "no_proxy"):
            if self.config.get(name):
                os.environ.setdefault(name, self.config[name])
        if self.config.get("proxy_ca_bundle_path"):
            os.environ.setdefault("GIT_SSL_CAINFO", self.config["proxy_ca_bundle_path"])
            os.environ.setdefault("SSL_CERT_FILE", self.config["proxy_ca_bundle_path"])
        store = PackStore()
        result, problems = {}, []
        for pack in dependency_list or packs:
            try:
                ref = self.download(store, pack, verifyssl, force, checkout_submodules)
                result[ref] = "Success."
            except Exception as error:
                self.logger.error("%s: %s", pack, error)
                result[pack] = str(error)
                problems.append(str(error))
        if len(problems) == len(result):
            raise Exception("No pack was downloaded: %s" % "; ".join(problems))
        return result

    def download(self, store, pack, verify, force, submodules):
        with store.staging() as staging:
            directory = os.path.join(staging, "pack")
            fetch(pack, directory, store, verify=verify, submodules=submodules, log=self.logger.info)
            manifest = store.read_manifest(directory)
            if not force:
                check_versions(manifest)
            store.put(directory, manifest["ref"], staging)
            self.logger.info("%s is %s %s", pack, manifest["ref"], manifest.get("version"))
            return manifest["ref"]
