#!/usr/bin/env bash
# Installs what the tests need beyond Python packages, where it is missing and this is a Debian system run by root:
# PostgreSQL, MariaDB, Chromium with Chinese fonts, Java, Node.js, nginx. Elsewhere it says what is missing; those tests then skip.
set -euo pipefail
cd "$(dirname "$0")"

declare -A package=([postgresql]="/usr/lib/postgresql/*/bin/initdb" [mariadb-server]="/usr/sbin/mariadbd" [chromium]="/usr/bin/chromium"
  [fonts-noto-cjk]="/usr/share/fonts/opentype/noto/NotoSansCJK*" [default-jre-headless]="/usr/bin/java"
  [nginx-light]="/usr/sbin/nginx")
missing=()
for name in "${!package[@]}"; do
  compgen -G "${package[$name]}" >/dev/null || missing+=("$name")
done
command -v npm >/dev/null || missing+=(nodejs npm)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    # the servers are started by the tests in folders of their own, never by the system
    [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "not installed: ${missing[*]} - tests that need them are skipped"
  fi
fi

# the OpenID provider of the tests of signing in
if command -v npm >/dev/null && [ ! -e oidc/node_modules/.package-lock.json ]; then
  npm ci --prefix oidc --silent || echo "the OpenID provider could not be installed - tests that need it are skipped"
fi
