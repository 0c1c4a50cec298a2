"""The texts of the page on which a customer unsubscribes, in its languages."""

from dataclasses import dataclass

from services.interactions.feedback.rules.surveys import SurveyLanguage


@dataclass(frozen=True, slots=True)
class UnsubscribeTexts:
    """The texts of the page. `{company}` is replaced."""

    title: str
    question: str
    button: str
    done: str
    gone: str


UNSUBSCRIBE_TEXTS: dict[SurveyLanguage, UnsubscribeTexts] = {
    "en": UnsubscribeTexts(
        "Unsubscribe",
        "Do you want to get no more of these messages from {company}?",
        "Unsubscribe",
        "You are unsubscribed.",
        "This link is not valid any more.",
    ),
    "nl": UnsubscribeTexts(
        "Afmelden",
        "Wilt u deze berichten van {company} niet meer ontvangen?",
        "Afmelden",
        "U bent afgemeld.",
        "Deze link is niet meer geldig.",
    ),
    "de": UnsubscribeTexts(
        "Abmelden",
        "Möchten Sie diese Nachrichten von {company} nicht mehr erhalten?",
        "Abmelden",
        "Sie sind abgemeldet.",
        "Dieser Link ist nicht mehr gültig.",
    ),
    "fr": UnsubscribeTexts(
        "Se désabonner",
        "Souhaitez-vous ne plus recevoir ces messages de {company} ?",
        "Se désabonner",
        "Vous êtes désabonné.",
        "Ce lien n'est plus valable.",
    ),
    "es": UnsubscribeTexts(
        "Darse de baja",
        "¿Desea dejar de recibir estos mensajes de {company}?",
        "Darse de baja",
        "Se ha dado de baja.",
        "Este enlace ya no es válido.",
    ),
}
