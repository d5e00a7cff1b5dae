import type { Scene } from './scene.ts'

export async function runMutations(_scene: Scene, _seed: number): Promise<boolean> {
  return true
}
