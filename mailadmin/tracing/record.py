from mailadmin.tracing.words import lines, verdict
from panel.output import plain


def record(trace):
    card, reply = trace.card, trace.reply
    return {
        "address": trace.address,
        "sender": trace.sender,
        "answer": card.kind,
        "row": card.row or None,
        "reply": {"state": reply.state, "code": reply.code, "text": reply.text or None},
        "steps": [
            {
                "says": plain(line.text),
                "map": line.map or None,
                "asked": line.asked or None,
                "answered": line.answer or None,
            }
            for line in lines(trace)
        ],
        "mail_goes_to": [
            {
                "address": end.address,
                "kind": end.kind,
                "by": end.by or None,
                "used": end.used,
                "quota": end.quota,
            }
            for end in trace.ends
        ],
        "not_in_main_cf": list(trace.due),
        "verdict": plain(verdict(trace)),
    }
