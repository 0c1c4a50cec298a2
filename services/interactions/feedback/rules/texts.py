"""The texts of the survey's page, in its languages. Plain values in, plain values out."""

from collections.abc import Collection
from dataclasses import dataclass

from services.interactions.feedback.rules.surveys import SurveyLanguage


@dataclass(frozen=True, slots=True)
class PageTexts:
    """The texts of the page. `{company}` and `{time}` are replaced."""

    intro: str
    required: str
    submit: str
    thanks: str
    editable: str
    locked: str
    error_title: str
    error_required: str
    error_answer: str
    scales: dict[str, tuple[str, str]]
    closed_title: str
    closed: str
    gone_title: str
    gone: str
    busy_title: str
    busy: str


PAGE_TEXTS: dict[SurveyLanguage, PageTexts] = {
    "en": PageTexts(
        "{company} would like to hear from you.",
        "(required)",
        "Send answers",
        "Thank you. Your answers have been saved.",
        "You can change them until {time}.",
        "You have answered this survey. Thank you.",
        "Please check your answers",
        "An answer is missing.",
        "This answer is not possible.",
        {
            "nps": ("very unlikely", "very likely"),
            "csat": ("very dissatisfied", "very satisfied"),
            "ces": ("very difficult", "very easy"),
        },
        "This survey is closed",
        "It takes no more answers.",
        "This link is not valid",
        "Please check the address.",
        "Please try again later",
        "Too many answers were sent through this link.",
    ),
    "nl": PageTexts(
        "{company} hoort graag uw mening.",
        "(verplicht)",
        "Antwoorden versturen",
        "Bedankt. Uw antwoorden zijn opgeslagen.",
        "U kunt ze wijzigen tot {time}.",
        "U hebt deze enquête beantwoord. Bedankt.",
        "Controleer uw antwoorden",
        "Er ontbreekt een antwoord.",
        "Dit antwoord is niet mogelijk.",
        {
            "nps": ("zeer onwaarschijnlijk", "zeer waarschijnlijk"),
            "csat": ("zeer ontevreden", "zeer tevreden"),
            "ces": ("zeer moeilijk", "zeer makkelijk"),
        },
        "Deze enquête is gesloten",
        "U kunt niet meer antwoorden.",
        "Deze link is niet geldig",
        "Controleer het adres.",
        "Probeer het later opnieuw",
        "Via deze link zijn te veel antwoorden verstuurd.",
    ),
    "de": PageTexts(
        "{company} möchte gern Ihre Meinung hören.",
        "(erforderlich)",
        "Antworten senden",
        "Danke. Ihre Antworten wurden gespeichert.",
        "Sie können sie bis {time} ändern.",
        "Sie haben diese Umfrage beantwortet. Danke.",
        "Bitte prüfen Sie Ihre Antworten",
        "Eine Antwort fehlt.",
        "Diese Antwort ist nicht möglich.",
        {
            "nps": ("sehr unwahrscheinlich", "sehr wahrscheinlich"),
            "csat": ("sehr unzufrieden", "sehr zufrieden"),
            "ces": ("sehr schwierig", "sehr einfach"),
        },
        "Diese Umfrage ist geschlossen",
        "Sie nimmt keine Antworten mehr an.",
        "Dieser Link ist nicht gültig",
        "Bitte prüfen Sie die Adresse.",
        "Bitte versuchen Sie es später noch einmal",
        "Über diesen Link wurden zu viele Antworten gesendet.",
    ),
    "fr": PageTexts(
        "{company} aimerait connaître votre avis.",
        "(obligatoire)",
        "Envoyer les réponses",
        "Merci. Vos réponses ont été enregistrées.",
        "Vous pouvez les modifier jusqu'à {time}.",
        "Vous avez répondu à cette enquête. Merci.",
        "Veuillez vérifier vos réponses",
        "Il manque une réponse.",
        "Cette réponse n'est pas possible.",
        {
            "nps": ("très improbable", "très probable"),
            "csat": ("très insatisfait", "très satisfait"),
            "ces": ("très difficile", "très facile"),
        },
        "Cette enquête est close",
        "Elle n'accepte plus de réponses.",
        "Ce lien n'est pas valable",
        "Veuillez vérifier l'adresse.",
        "Veuillez réessayer plus tard",
        "Trop de réponses ont été envoyées par ce lien.",
    ),
    "es": PageTexts(
        "{company} quiere conocer su opinión.",
        "(obligatorio)",
        "Enviar respuestas",
        "Gracias. Sus respuestas se han guardado.",
        "Puede cambiarlas hasta {time}.",
        "Ya ha respondido a esta encuesta. Gracias.",
        "Por favor, revise sus respuestas",
        "Falta una respuesta.",
        "Esta respuesta no es posible.",
        {
            "nps": ("muy improbable", "muy probable"),
            "csat": ("muy insatisfecho", "muy satisfecho"),
            "ces": ("muy difícil", "muy fácil"),
        },
        "Esta encuesta está cerrada",
        "Ya no admite respuestas.",
        "Este enlace no es válido",
        "Por favor, compruebe la dirección.",
        "Por favor, inténtelo más tarde",
        "Se han enviado demasiadas respuestas con este enlace.",
    ),
}


def choose_language(accepted: str, offered: Collection[SurveyLanguage], usual: SurveyLanguage) -> SurveyLanguage:
    """Return the language of `offered` that a browser prefers by its Accept-Language, or else the usual one."""
    ranges = [part.strip().partition(";q=") for part in accepted.split(",")]
    for text, _, _ in sorted(ranges, key=lambda each: -_weight(each[2])):
        code = text.strip().lower().partition("-")[0]
        for language in offered:
            if language == code:
                return language
    return usual


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
