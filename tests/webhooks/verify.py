"""Verifies one delivery with the standardwebhooks library of PyPI; a changed body must fail."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

delivery = json.load(open(sys.argv[1], encoding="utf-8"))
hook = Webhook(delivery["secret"])
hook.verify(delivery["body"], delivery["headers"])
try:
    hook.verify(delivery["body"] + " ", delivery["headers"])
except WebhookVerificationError:
    print("verified by PyPI standardwebhooks")
else:
    sys.exit("a changed body passed")
