"""The texts of the preference centre, in its languages. Plain values in, plain values out."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.customers.permission.rules.vocabulary import PageLanguage, TermDocument, name_of, plain_name

LANGUAGES: tuple[PageLanguage, ...] = ("en", "nl", "de", "fr", "es")


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of the page. `{purpose}`, `{channel}` and `{company}` are replaced."""

    title: str
    intro: str
    allowed: str
    not_allowed: str
    allow: str
    stop: str
    stop_all: str
    stop_all_hint: str
    saved: str
    confirm_title: str
    confirm: str
    confirmed: str
    gone_title: str
    gone: str


TEXTS: dict[PageLanguage, Texts] = {
    "en": Texts(
        "Your preferences",
        "Choose how {company} may contact you.",
        "Allowed",
        "Not allowed",
        "Allow {purpose}: {channel}",
        "Stop {purpose}: {channel}",
        "Stop everything",
        "This withdraws every permission on this page.",
        "Your choice has been saved.",
        "Please confirm",
        "Yes, I agree to {purpose}: {channel}",
        "Thank you, you have confirmed.",
        "This link is no longer valid",
        "It may have expired. Please ask for a new one.",
    ),
    "nl": Texts(
        "Uw voorkeuren",
        "Kies hoe {company} contact met u mag opnemen.",
        "Toegestaan",
        "Niet toegestaan",
        "{purpose} toestaan: {channel}",
        "{purpose} stoppen: {channel}",
        "Alles stoppen",
        "Hiermee trekt u elke toestemming op deze pagina in.",
        "Uw keuze is opgeslagen.",
        "Bevestig uw keuze",
        "Ja, ik ga akkoord met {purpose}: {channel}",
        "Bedankt, u hebt bevestigd.",
        "Deze link is niet meer geldig",
        "Misschien is hij verlopen. Vraag een nieuwe aan.",
    ),
    "de": Texts(
        "Ihre Einstellungen",
        "Wählen Sie, wie {company} Sie kontaktieren darf.",
        "Erlaubt",
        "Nicht erlaubt",
        "{purpose} erlauben: {channel}",
        "{purpose} beenden: {channel}",
        "Alles beenden",
        "Damit widerrufen Sie jede Einwilligung auf dieser Seite.",
        "Ihre Auswahl wurde gespeichert.",
        "Bitte bestätigen Sie",
        "Ja, ich bin einverstanden mit {purpose}: {channel}",
        "Danke, Sie haben bestätigt.",
        "Dieser Link ist nicht mehr gültig",
        "Vielleicht ist er abgelaufen. Bitte fordern Sie einen neuen an.",
    ),
    "fr": Texts(
        "Vos préférences",
        "Choisissez comment {company} peut vous contacter.",
        "Autorisé",
        "Non autorisé",
        "Autoriser {purpose} : {channel}",
        "Arrêter {purpose} : {channel}",
        "Tout arrêter",
        "Cela retire chaque autorisation de cette page.",
        "Votre choix a été enregistré.",
        "Veuillez confirmer",
        "Oui, j'accepte {purpose} : {channel}",
        "Merci, vous avez confirmé.",
        "Ce lien n'est plus valable",
        "Il a peut-être expiré. Veuillez en demander un nouveau.",
    ),
    "es": Texts(
        "Sus preferencias",
        "Elija cómo puede contactarle {company}.",
        "Permitido",
        "No permitido",
        "Permitir {purpose}: {channel}",
        "Detener {purpose}: {channel}",
        "Detener todo",
        "Esto retira todos los permisos de esta página.",
        "Su elección se ha guardado.",
        "Por favor, confirme",
        "Sí, acepto {purpose}: {channel}",
        "Gracias, ha confirmado.",
        "Este enlace ya no es válido",
        "Puede que haya caducado. Por favor, solicite uno nuevo.",
    ),
}
_NAMES: dict[str, tuple[str, str, str, str, str]] = {
    "marketing": ("Offers", "Aanbiedingen", "Angebote", "Offres", "Ofertas"),
    "newsletter": ("Newsletter", "Nieuwsbrief", "Newsletter", "Lettre d'information", "Boletín"),
    "survey": ("Surveys", "Enquêtes", "Umfragen", "Enquêtes", "Encuestas"),
    "service": ("Service messages", "Serviceberichten", "Servicenachrichten", "Messages de service", "Avisos"),
    "research": ("Research", "Onderzoek", "Forschung", "Recherche", "Investigación"),
    "personalisation": ("Personalisation", "Personalisatie", "Personalisierung", "Personnalisation", "Personalización"),
    "email": ("E-mail", "E-mail", "E-Mail", "E-mail", "Correo electrónico"),
    "phone": ("Phone", "Telefoon", "Telefon", "Téléphone", "Teléfono"),
    "sms": ("Text message", "Sms", "SMS", "SMS", "SMS"),
    "whatsapp": ("WhatsApp", "WhatsApp", "WhatsApp", "WhatsApp", "WhatsApp"),
    "post": ("Post", "Post", "Post", "Courrier", "Correo postal"),
    "push": ("App notification", "App-melding", "App-Nachricht", "Notification", "Notificación"),
    "chat": ("Chat", "Chat", "Chat", "Chat", "Chat"),
    "social": ("Social media", "Sociale media", "Soziale Medien", "Réseaux sociaux", "Redes sociales"),
}
"""The names of the usual purposes and channels, in the order of the languages."""


def choose_language(preferred: Iterable[str], accepted: str) -> PageLanguage:
    """Return the first language of a person that the page has: `nl` for `nl-BE`. Otherwise English.

    `accepted` is the Accept-Language header of the browser, which counts after the languages of the record.
    """
    ranges = [part.strip().partition(";q=") for part in accepted.split(",")]
    ordered = sorted(ranges, key=lambda each: -_weight(each[2]))
    for text in [*preferred, *(name for name, _, _ in ordered)]:
        code = text.strip().lower().replace("_", "-").partition("-")[0]
        if code in LANGUAGES:
            return code
    return "en"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def shown_name(term: TermDocument, language: PageLanguage) -> str:
    """Return the name of a purpose or channel that a person reads."""
    usual = _NAMES.get(term["key"])
    return name_of(term, language) or (usual[LANGUAGES.index(language)] if usual else plain_name(term["key"]))
