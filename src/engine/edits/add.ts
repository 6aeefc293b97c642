/**
 * h + weight · u: activation addition (Turner et al. 2023, "Steering Language Models With Activation
 * Engineering"; `add_vector` of the paper). u may be of any length.
 */
import { checkNumber } from '../../util/check';
import { defineKind } from './kind';

export const add = defineKind<{ weight: number }>({
  takes: 'a weight',
  parameters: ['weight'],
  unit: false,
  check: (what, { weight }) => checkNumber(`${what}: weight`, weight),
  vectors: ({ vector }) => [vector],
  amounts: ({ weight }) => [weight],
  terms: (_, { vectors: [u], amounts: [weight] }) => [{ factor: weight, of: u }],
});
