"""Holds the documents of an image against their standards and against its files: with Debian's parsers of JSON Schema and
of licence expressions, and digests counted here.

    /usr/bin/python3 documents.py IMAGE TREE SPDX CYCLONEDX PROVENANCE

TREE is what cpio has unpacked. Prints what is wrong, a line each, and ends with 1; with 0 it prints how much it saw."""

import hashlib
import json
import pathlib
import re
import sys
import urllib.parse

import jsonschema
import license_expression

HERE = pathlib.Path(__file__).parent
OWN = "osiekit-base"
PURL = re.compile(r"^pkg:(?P<type>[a-z][a-z0-9.+-]*)/(?P<path>[^@?#]+)(@(?P<version>[^?#]+))?(\?(?P<qualifiers>[^#]+))?$")
faults = []


def expect(condition, what):
    if not condition:
        faults.append(what)


def load(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def hashes_of(tree):
    """Path to (SHA-1, SHA-256) of every regular file."""
    found = {}
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found[str(path.relative_to(tree))] = (hashlib.sha1(data).hexdigest(), hashlib.sha256(data).hexdigest())
    return found


def check_schema(document, name):
    validator = jsonschema.Draft7Validator(load(HERE / f"{name}.schema.json"))
    for error in validator.iter_errors(document):
        faults.append(f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")


def check_purl(purl):
    """The rules of the package URL specification, on a canonical one."""
    match = PURL.match(purl)
    expect(match, f"{purl}: not a package URL")
    if not match:
        return
    parts = match["path"].split("/")
    named = match["type"] in ("deb", "apk")
    expect(match["type"] in ("deb", "apk", "generic"), f"{purl}: its type")
    expect(len(parts) == (2 if named else 1), f"{purl}: a namespace where there has to be one, and nowhere else")
    for part in [*parts, match["version"] or ""]:
        plain = urllib.parse.unquote(part, errors="strict")
        expect(urllib.parse.quote(plain, safe="~:") == part, f"{purl}: “{part}” is not written canonically")
        expect("/" not in plain or part == parts[-1], f"{purl}: a slash in “{part}”")
    if named:
        expect(match["path"] == match["path"].lower(), f"{purl}: capitals in the name")
        expect(match["version"], f"{purl}: no version")
    qualifiers = [pair.partition("=") for pair in (match["qualifiers"] or "").split("&") if pair]
    keys = [key for key, _, _ in qualifiers]
    expect(keys == sorted(set(keys)) and all(re.fullmatch(r"[a-z][a-z0-9._-]*", key) for key in keys),
           f"{purl}: the keys of its qualifiers")
    expect(all(value for _, _, value in qualifiers), f"{purl}: an empty qualifier")


def check_licence(expression, references, licensing):
    if expression in ("", "NOASSERTION"):
        return
    found = licensing.validate(expression)
    unknown = [symbol for symbol in found.invalid_symbols if symbol not in references]
    syntax = [error for error in found.errors if not error.startswith("Unknown license key")]
    expect(not unknown and not syntax, f"licence “{expression}”: {unknown} {syntax}")


def check_spdx(document, files, manifest):
    check_schema(document, "spdx")
    elements = [item["SPDXID"] for item in [document, *document["packages"], *document["files"]]]
    expect(len(elements) == len(set(elements)), "SPDX: an SPDXID occurs twice")
    for relation in document["relationships"]:
        for side in ("spdxElementId", "relatedSpdxElement"):
            expect(relation[side] in elements, f"SPDX: the relationship {relation} leads nowhere")
    contained = [relation for relation in document["relationships"] if relation["relationshipType"] == "CONTAINS"]
    owner = {relation["relatedSpdxElement"]: relation["spdxElementId"] for relation in contained}
    expect(len(owner) == len(contained), "SPDX: something is in two packages")
    listed = {}
    sums = {}
    for item in document["files"]:
        digests = {one["algorithm"]: one["checksumValue"] for one in item["checksums"]}
        listed[item["fileName"][2:]] = (digests.get("SHA1"), digests.get("SHA256"))
        expect(item["SPDXID"] in owner, f"SPDX: {item['fileName']} is in no package")
        sums.setdefault(owner.get(item["SPDXID"]), []).append(digests.get("SHA1"))
    compare("SPDX", listed, files)
    references = {item["licenseId"] for item in document.get("hasExtractedLicensingInfos", [])}
    licensing = license_expression.get_spdx_licensing()
    for package in document["packages"]:
        check_licence(package.get("licenseDeclared", ""), references, licensing)
        for reference in package.get("externalRefs", []):
            check_purl(reference["referenceLocator"])
        if package["filesAnalyzed"]:
            code = hashlib.sha1("".join(sorted(sums[package["SPDXID"]])).encode()).hexdigest()
            expect(package["packageVerificationCode"]["packageVerificationCodeValue"] == code,
                   f"SPDX: the verification code of {package['name']}")
    check_packages("SPDX", {item["name"] + " " + item.get("versionInfo", "") for item in document["packages"]}, manifest)


def check_packages(name, listed, manifest):
    for package in manifest["packages"]:
        expect(f"{package['name']} {package['version']}" in listed, f"{name}: {package['name']} {package['version']}")


def compare(name, listed, files):
    for path in sorted(listed.keys() | files.keys()):
        expect(listed.get(path) == files.get(path), f"{name}: {path}: {listed.get(path)}, the image has {files.get(path)}")


def check_cyclonedx(document, files, manifest):
    check_schema(document, "cyclonedx")
    listed = {}
    references = [document["metadata"]["component"]["bom-ref"]]
    references += [item["bom-ref"] for item in document["metadata"]["component"]["components"]]
    licensing = license_expression.get_spdx_licensing()
    for component in document["components"]:
        references.append(component["bom-ref"])
        if "purl" in component:
            check_purl(component["purl"])
        for licence in component.get("licenses", []):
            unknown = licensing.validate(licence["expression"]).invalid_symbols
            expect(all(symbol.startswith("LicenseRef-") for symbol in unknown), f"CycloneDX: licence {licence}")
        for item in component.get("components", []):
            references.append(item["bom-ref"])
            digests = {one["alg"]: one["content"] for one in item["hashes"]}
            expect(item["name"][1:] not in listed, f"CycloneDX: {item['name']} twice")
            listed[item["name"][1:]] = (digests.get("SHA-1"), digests.get("SHA-256"))
    compare("CycloneDX", listed, files)
    expect(len(references) == len(set(references)), "CycloneDX: a bom-ref occurs twice")
    for dependency in document["dependencies"]:
        for reference in [dependency["ref"], *dependency.get("dependsOn", [])]:
            expect(reference in references, f"CycloneDX: the dependency on {reference} leads nowhere")
    check_packages("CycloneDX", {item["name"] + " " + item.get("version", "") for item in document["components"]}, manifest)


def check_provenance(statement, image, manifest):
    expect(statement["_type"] == "https://in-toto.io/Statement/v1", "provenance: its type")
    expect(statement["predicateType"] == "https://slsa.dev/provenance/v1", "provenance: its predicate's type")
    subjects = {item["name"]: item["digest"] for item in statement["subject"]}
    digests = {name: {"sha256": hashlib.sha256((image / name).read_bytes()).hexdigest()}
               for name in ("vmlinuz", "initramfs", "manifest.json")}
    expect(subjects == digests, f"provenance: its subjects {subjects} are not {digests}")
    definition = statement["predicate"]["buildDefinition"]
    expect(urllib.parse.urlparse(definition["buildType"]).scheme, "provenance: the build type is no URI")
    expect(isinstance(definition["externalParameters"], dict), "provenance: no external parameters")
    builder = statement["predicate"]["runDetails"]["builder"]
    expect(urllib.parse.urlparse(builder["id"]).scheme, "provenance: the builder's id is no URI")
    expect(all(isinstance(version, str) for version in builder["version"].values()), "provenance: builder's version")
    dependencies = definition["resolvedDependencies"]
    for item in dependencies:
        expect(re.fullmatch(r"[0-9a-f]{64}", item["digest"]["sha256"]), f"provenance: the digest of {item}")
        if "uri" in item:
            check_purl(item["uri"])
    found = {(item["name"], "sha256:" + item["digest"]["sha256"]) for item in dependencies}
    for item in [*manifest["packages"], *manifest["profile"]["files"]]:
        expect((item["name"], item["digest"]) in found, f"provenance: {item['name']} is no dependency")


def main():
    image, tree = map(pathlib.Path, sys.argv[1:3])
    spdx, cyclonedx, provenance = map(load, sys.argv[3:6])
    manifest = load(image / "manifest.json")
    files = hashes_of(tree)
    expect(files, "the image has no files")
    check_spdx(spdx, files, manifest)
    check_cyclonedx(cyclonedx, files, manifest)
    check_provenance(provenance, image, manifest)
    for fault in faults:
        print(fault)
    if not faults:
        print(f"{len(files)} files, {len(manifest['packages'])} packages")
    return 1 if faults else 0


sys.exit(main())
