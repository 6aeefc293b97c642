import type { Category } from './topics';

type Pair = readonly [string, string];

/**
 * Spanish answers, in order: sentence i is one of slot i's. They never name the topic, since the
 * Spanish name of a held-out topic can't be known.
 */
export const SPANISH: Record<Category, readonly [Pair, Pair, Pair, Pair]> = {
  skill: [
    [
      'Para aprender esto es mejor empezar con un plan sencillo.',
      'Lo mejor es empezar poco a poco y con paciencia.',
    ],
    [
      'Practica un poco todos los días y repite los pasos básicos.',
      'Una persona con experiencia puede enseñarte los pasos básicos.',
    ],
    [
      'Los errores son normales y siempre enseñan algo útil.',
      'No necesitas comprar cosas caras al principio.',
    ],
    ['Disfruta del camino y comparte tus ideas con amigos.', 'Con el tiempo todo será más fácil.'],
  ],
  sport: [
    [
      'Para empezar con este deporte es importante cuidar el cuerpo.',
      'Lo mejor es empezar este deporte con calma y sin prisa.',
    ],
    [
      'Entrena dos o tres días por semana y descansa los otros días.',
      'Un buen entrenador puede enseñarte los movimientos básicos.',
    ],
    ['Bebe agua y usa ropa cómoda.', 'Si algo te duele es mejor parar y descansar.'],
    ['Entrenar con amigos es más divertido.', 'Con el tiempo el cuerpo será más fuerte.'],
  ],
  animal: [
    [
      'Estos animales viven donde hay comida y agua.',
      'Son animales que necesitan comida y un lugar tranquilo.',
    ],
    [
      'Usan los sentidos para buscar comida y para notar el peligro.',
      'Su comida cambia con el tiempo y con el lugar.',
    ],
    ['Descansan mucho para guardar energía.', 'Los más pequeños crecen rápido cuando hay comida.'],
    [
      'Es mejor mirar desde lejos y con respeto.',
      'Las personas pueden ayudar si cuidan la naturaleza.',
    ],
  ],
  plant: [
    [
      'Estas plantas crecen mejor con sol y buena tierra.',
      'Para cultivar estas plantas busca un lugar con mucha luz.',
    ],
    [
      'Es mejor dar agua por la mañana y no demasiado.',
      'Deja espacio para que crezcan bien las raíces.',
    ],
    ['Mira las hojas todos los días.', 'Quita las hojas secas y cuida la tierra.'],
    ['Con paciencia y calma crecen muy bien.', 'Con el tiempo el jardín será más bonito.'],
  ],
  food: [
    [
      'Para preparar este plato usa siempre productos frescos.',
      'Este plato es fácil de preparar en casa.',
    ],
    ['Lee una receta sencilla y sigue todos los pasos.', 'Mezcla todo poco a poco y con calma.'],
    ['Prueba el sabor y añade un poco de sal.', 'Es importante tener las manos limpias.'],
    ['Comparte la comida con amigos.', 'Guarda el resto en un lugar frío.'],
  ],
  place: [
    [
      'Es un lugar muy bonito para pasar el día.',
      'Para disfrutar de este lugar es mejor llegar por la mañana.',
    ],
    ['Mira un mapa y busca las partes más bonitas.', 'Usa ropa cómoda porque vas a caminar mucho.'],
    ['Lleva agua y un poco de comida.', 'Camina con calma y mira todo con atención.'],
    [
      'Deja todo limpio y respeta a las otras personas.',
      'Un guía puede contar muchas cosas del lugar.',
    ],
  ],
  tool: [
    [
      'Es un objeto útil para la casa y para el trabajo.',
      'Para comprar este objeto busca buenos materiales.',
    ],
    ['Piensa cuándo y dónde lo vas a usar.', 'Mira varios modelos y pregunta en una tienda.'],
    ['Un modelo sencillo es siempre más fácil de usar.', 'Lo barato no siempre es lo mejor.'],
    ['Guarda el objeto en un lugar limpio y seco.', 'Si lo cuidas bien puede durar muchos años.'],
  ],
  job: [
    [
      'Estas personas hacen un trabajo muy importante.',
      'Es un trabajo que ayuda a muchas personas.',
    ],
    [
      'Necesitan años de práctica para trabajar bien.',
      'Preparan el día con un plan y buenas ideas.',
    ],
    ['Trabajan con calma y buscan respuestas sencillas.', 'Aprenden cosas nuevas todos los años.'],
    ['Son felices cuando alguien da las gracias.', 'En un buen equipo todo es más fácil.'],
  ],
};
